package objstore

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// webStore reads files of plain web servers: https://, and http:// on this
// machine. URIs are URLs, and what listings give is percent-encoded as those are.
type webStore struct {
	meter  *meter
	client func() (doer, error)
	// unmatched: the server was found to refuse an ETag that is the object's.
	unmatched *atomic.Bool
}

// doer sends a request, and ends one that stalls.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func newWebStore(m *meter) *webStore {
	return &webStore{meter: m, client: sync.OnceValues(func() (doer, error) { return newWebClient(m) }), unmatched: new(atomic.Bool)}
}

func (s *webStore) Stat(ctx context.Context, uri string) (Info, error) { return s.stat(ctx, uri, "") }

func (s *webStore) stat(ctx context.Context, uri, token string) (Info, error) {
	a, err := s.ask(ctx, "stat", http.MethodHead, uri, s.conditions(token))
	if err != nil {
		return Info{}, err
	}
	a.Body.Close()
	switch a.StatusCode {
	case http.StatusOK:
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return s.statByRange(ctx, uri, token)
	default:
		if a.StatusCode == http.StatusPreconditionFailed && s.neverMatches(ctx, uri, token) {
			return s.stat(ctx, uri, token)
		}
		return Info{}, a.refusal()
	}
	if err := a.plain(); err != nil { // whose size would be that of other bytes
		return Info{}, err
	}
	if a.ContentLength < 0 {
		return Info{}, a.unusable("it doesn't say how large the file is (Content-Length)")
	}
	return a.info(token, a.ContentLength)
}

// statByRange asks a server that knows no HEAD for a file's first byte.
func (s *webStore) statByRange(ctx context.Context, uri, token string) (Info, error) {
	h := s.conditions(token)
	h.Set("Range", "bytes=0-0")
	a, err := s.ask(ctx, "stat", http.MethodGet, uri, h)
	if err != nil {
		return Info{}, err
	}
	a.Body.Close()
	_, _, total, ok := contentRange(a.Header.Get("Content-Range"))
	switch {
	case a.StatusCode == http.StatusOK && a.ContentLength >= 0:
		return a.info(token, a.ContentLength)
	case a.StatusCode != http.StatusPartialContent:
		return Info{}, a.refusal()
	case !ok || total < 0:
		return Info{}, a.unusable("it answers no HEAD, and doesn't say with a range how large the file is")
	}
	return a.info(token, total)
}

// neverMatches says whether a server refused an ETag that the object still has.
func (s *webStore) neverMatches(ctx context.Context, uri, token string) bool {
	if token == "" || s.unmatched.Load() {
		return false
	}
	info, err := s.stat(ctx, uri, "")
	if err != nil || !sameTag(info.ETag, token) {
		return false
	}
	s.unmatched.Store(true)
	return true
}

func (s *webStore) Get(ctx context.Context, uri, token string, r Range) (io.ReadCloser, error) {
	return getRange(ctx, s, uri, token, r)
}

func (s *webStore) get(ctx context.Context, uri, token string, r Range) (part, error) {
	var last *webAnswer
	p, err := untilRight(ctx, uri, func() (p part, err error) {
		p, last, err = s.getOnce(ctx, uri, token, r)
		return p, err
	})
	if errors.Is(err, errWrongAnswer) && last != nil && last.instead != nil {
		err = last.instead
	}
	return p, err
}

func (s *webStore) getOnce(ctx context.Context, uri, token string, r Range) (part, *webAnswer, error) {
	h := s.conditions(token)
	if asked := r.header(); asked != "" {
		h.Set("Range", asked)
	}
	a, err := s.ask(ctx, "read", http.MethodGet, uri, h)
	if err != nil {
		return part{}, nil, err
	}
	p, err := a.part(token, r)
	if err == nil {
		return p, a, nil
	}
	if a.StatusCode/100 == 2 {
		a.Body.Close()
	} else {
		a.drain()
	}
	switch a.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable:
		info, err := s.stat(ctx, uri, token)
		if err != nil {
			return part{}, nil, err
		}
		p, err := pastEnd(info, r)
		return p, nil, err
	case http.StatusPreconditionFailed:
		if s.neverMatches(ctx, uri, token) {
			return s.getOnce(ctx, uri, token, r)
		}
	}
	return part{}, a, err
}

// ask sends a request until there is an answer that sending it again won't better.
func (s *webStore) ask(ctx context.Context, doing, method, uri string, h http.Header) (*webAnswer, error) {
	u, err := webURL(uri)
	if err != nil {
		return nil, err
	}
	list := method == methodList
	if list {
		method = http.MethodGet
	} else if err := checkObject(uri, u.Path); err != nil {
		return nil, err
	}
	if err := stopped(ctx, doing, uri); err != nil {
		return nil, err
	}
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	h.Set("Accept-Encoding", "identity")
	h.Set("User-Agent", "constellation")
	for try := 1; ; try++ {
		req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
		if err != nil {
			return nil, fault.Input(InvalidURI, "%w", err).On(uri)
		}
		req.Header = h.Clone()
		resp, err := client.Do(req)
		if stop := stopped(ctx, doing, uri); stop != nil {
			if err == nil {
				resp.Body.Close()
			}
			return nil, stop
		}
		a := &webAnswer{Response: resp, doing: doing, uri: uri}
		wait, again := a.again(try, err)
		switch {
		case !again && err != nil:
			return nil, webLost(doing, uri, err)
		case !again && !list && resp.Request.URL.Path == u.Path+"/":
			a.drain()
			return nil, notFound(uri) // sent on to a directory
		case !again:
			return a, nil
		}
		if err == nil {
			a.drain()
		}
		if webWait(ctx, wait) != nil {
			return nil, stopped(ctx, doing, uri)
		}
	}
}

// methodList is the GET of a directory's page.
const methodList = "LIST"

// webWait is a pause between two requests; tests have none.
var webWait = func(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *webStore) Create(_ context.Context, uri string) (Upload, error) {
	return nil, readOnly("write", uri)
}

func (s *webStore) Delete(_ context.Context, uri string) error { return readOnly("delete", uri) }

func readOnly(doing, uri string) error {
	scheme, _, _ := strings.Cut(uri, "://")
	return fault.Input(NotWritable, "%s: files at %s:// URIs can be read only", doing, scheme).On(uri).Fix("write to an s3:// or file:// URI or a path")
}
