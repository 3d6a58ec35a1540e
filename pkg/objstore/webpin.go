package objstore

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// webToken is what a file is known by: its ETag where that stands for its bytes,
// else the time of its last change with its size (-1: not known). A weak ETag alone doesn't do.
func webToken(h http.Header, size int64) string {
	if e := h.Get("Etag"); e != "" && !strings.HasPrefix(e, weakMark) {
		if tag := unquoted(&e); tag != "" {
			return tag
		}
	}
	if t, ok := lastModified(h); ok && size >= 0 {
		return fmt.Sprintf("%s%d-%d", modifiedPin, t.Unix(), size)
	}
	return ""
}

const unknowable = "it has neither an ETag (other than a weak one) nor the time of the last change (Last-Modified), by which a file that is replaced would be noticed"

func lastModified(h http.Header) (time.Time, bool) {
	t, err := http.ParseTime(h.Get("Last-Modified"))
	return t, err == nil && t.Unix() > 0
}

// timePin takes a token apart that is made of a time and a size.
func timePin(token string) (modified, size int64, ok bool) {
	n, err := fmt.Sscanf(token, modifiedPin+"%d-%d", &modified, &size)
	return modified, size, err == nil && n == 2 && token == fmt.Sprintf("%s%d-%d", modifiedPin, modified, size)
}

// conditions have a server answer only for the object of that token.
func (s *webStore) conditions(token string) http.Header {
	h := http.Header{}
	second, _, timed := timePin(token)
	switch {
	case token == "", strings.HasPrefix(token, weakMark), s.unmatched.Load():
	case timed:
		h.Set("If-Unmodified-Since", time.Unix(second, 0).UTC().Format(http.TimeFormat))
	default:
		h.Set("If-Match", `"`+token+`"`)
	}
	return h
}

// compare holds an answer about an object of that size (-1: it doesn't say) to a token.
func (a *webAnswer) compare(token string, size int64) error {
	if token == "" {
		return nil
	}
	if second, pinned, timed := timePin(token); timed {
		t, ok := lastModified(a.Header)
		switch {
		case !ok || size < 0:
			return a.unusable("it doesn't say the time of the last change (Last-Modified) and the size, by which a file that is replaced is noticed")
		case t.Unix() != second || size != pinned:
			return changed(a.uri)
		}
		return nil
	}
	said := a.Header.Get("Etag")
	switch tag := unquoted(&said); {
	case tag == "":
		return a.unusable("it has no ETag to compare with the one that the file was indexed by, " + fmt.Sprintf("%q", token))
	case !sameTag(tag, token):
		return changed(a.uri)
	}
	return nil
}

// info is what an answer says about an object, held to a token where there is one.
func (a *webAnswer) info(token string, size int64) (Info, error) {
	if err := a.plain(); err != nil {
		return Info{}, err
	}
	if err := a.compare(token, size); err != nil {
		return Info{}, err
	}
	modified, _ := lastModified(a.Header)
	i := Info{URI: a.uri, Size: size, ETag: webToken(a.Header, size), Modified: modified}
	if i.ETag == "" {
		return Info{}, a.unusable(unknowable)
	}
	return i, nil
}

// part is the body of an answer to a GET. Where it isn't what was asked for,
// the error says so and the body is still to be closed.
func (a *webAnswer) part(token string, r Range) (part, error) {
	if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusPartialContent {
		return part{}, a.refusal()
	}
	if err := a.plain(); err != nil {
		return part{}, err
	}
	asked, said := r.header() != "", a.Header.Get("Content-Range")
	p := part{body: a.Body, size: a.ContentLength}
	total := p.size
	if a.StatusCode == http.StatusPartialContent {
		from, to, all, ok := contentRange(said)
		if !ok || !asked {
			return part{}, a.wrong("a part, %q, when asked for %q", said, r.header())
		}
		if total = all; p.size < 0 { // sent in chunks
			p.size = to - from + 1
		}
	} else if p.size < 0 {
		return part{}, a.wrong("no Content-Length")
	}
	if err := a.compare(token, total); err != nil {
		return part{}, err
	}
	if p.etag = token; token == "" { // by which the rest is asked for, should the connection break
		if p.etag = webToken(a.Header, total); p.etag == "" {
			return part{}, a.unusable(unknowable)
		}
	}
	if a.StatusCode == http.StatusPartialContent {
		return p, p.check(a.uri, said, r)
	}
	if !asked || r.Offset == 0 && r.Length == p.size {
		return p, nil
	}
	if _, a.instead = r.within(a.uri, p.size); a.instead == nil {
		a.instead = a.ignoresRanges(r)
	}
	return part{}, a.wrong("all %d bytes, when asked for %s", p.size, r.header())
}

func (a *webAnswer) wrong(format string, args ...any) error {
	return fault.Passing(ServerError, "%s: %w: %s", a.doing, errWrongAnswer, fmt.Sprintf(format, args...)).On(a.uri)
}
