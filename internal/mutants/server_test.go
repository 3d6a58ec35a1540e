package mutants

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// server has the survey of a run as S3 has it, but for what a mutant changes.
type server struct {
	k    *kept
	etag func(string) string                                        // as answers say it
	list func(q query, a *listing)                                  // changes a page
	page func(w http.ResponseWriter, r *http.Request) bool          // answers by itself
	get  func(w http.ResponseWriter, r *http.Request, size int) int // the status of a GET
}

type query map[string]string

// listing is a page, in the order of its elements.
type listing struct {
	XMLName   xml.Name `xml:"ListBucketResult"`
	Count     int      `xml:"KeyCount,omitempty"`
	Truncated string   `xml:"IsTruncated,omitempty"`
	Token     string   `xml:"NextContinuationToken,omitempty"`
	Encoding  string   `xml:"EncodingType,omitempty"`
	Contents  []item
	Prefixes  []string `xml:"CommonPrefixes>Prefix,omitempty"`
}

type item struct {
	Key          string `xml:",omitempty"`
	LastModified string `xml:",omitempty"`
	ETag         string `xml:",omitempty"`
	Size         string `xml:",omitempty"`
}

// pageSize is small, so that each listing has several.
const pageSize = 5

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, isObject := strings.CutPrefix(r.URL.Path, "/euclid/")
	switch {
	case s.page != nil && s.page(w, r):
	case isObject && key != "":
		s.object(w, r, "mem://euclid/"+key)
	default:
		s.listed(w, r)
	}
}

func (s *server) quoted(etag string) string {
	if s.etag != nil {
		return s.etag(etag)
	}
	return `"` + etag + `"`
}

func (s *server) listed(w http.ResponseWriter, r *http.Request) {
	q := query{}
	for name := range r.URL.Query() {
		q[name] = r.URL.Query().Get(name)
	}
	after := q["continuation-token"]
	if after == "" {
		after = q["start-after"]
	}
	if q["list-type"] != "2" {
		after = q["marker"]
	}
	a := &listing{Truncated: "false"}
	_ = s.k.Memory.List(r.Context(), "mem://euclid/"+q["prefix"], func(o objstore.Info) error {
		key := strings.TrimPrefix(o.URI, "mem://euclid/")
		switch {
		case key <= after:
		case len(a.Contents) == pageSize:
			a.Truncated, a.Token = "true", a.Contents[pageSize-1].Key
		default:
			a.Contents = append(a.Contents, item{key, time.Unix(1e9, 0).UTC().Format(time.RFC3339), s.quoted(o.ETag), strconv.FormatInt(o.Size, 10)})
		}
		return nil
	})
	a.Count = len(a.Contents)
	if s.list != nil {
		s.list(q, a)
	}
	_ = xml.NewEncoder(w).Encode(a)
}

func (s *server) object(w http.ResponseWriter, r *http.Request, uri string) {
	info, err := s.k.Memory.Stat(r.Context(), uri)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	size := int(info.Size)
	etag := s.quoted(info.ETag)
	if m := r.Header.Get("If-Match"); m != "" && (m != etag || strings.HasPrefix(m, "W/")) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	w.Header().Set("ETag", etag)
	from, to, status := 0, size-1, http.StatusOK
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n > 0 {
		to, status = min(to, size-1), http.StatusPartialContent
	}
	if s.get != nil {
		status = s.get(w, r, size)
	}
	if status == http.StatusPartialContent {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
	}
	w.Header().Set("Content-Length", strconv.Itoa(to-from+1))
	w.WriteHeader(status)
	if r.Method == http.MethodHead || size == 0 {
		return
	}
	body, err := s.k.Memory.Get(r.Context(), uri, "", objstore.Range{Offset: int64(from), Length: int64(to - from + 1)})
	if err != nil {
		panic(err)
	}
	defer body.Close()
	_, _ = io.Copy(w, body)
}

// on has a run read its survey from a server.
func on(s server) change {
	return func(t *testing.T, k *kept) {
		s := s
		s.k = k
		h := httptest.NewServer(&s)
		t.Cleanup(h.Close)
		k.Sources.Far = objstore.Open(t.Context(), objstore.Config{Region: "us-east-1", Endpoint: h.URL, Anonymous: true, Sources: true})
		for _, base := range []*string{&k.Settings.Source.VISBase, &k.Settings.Source.MERBase, &k.Settings.Source.CatalogBase} {
			*base = strings.Replace(*base, "mem://", "s3://", 1)
		}
	}
}

// listed changes the pages of listings.
func listed(how func(q query, a *listing)) change { return on(server{list: how}) }

// answered has listings be something else.
func answered(text string) change {
	return on(server{page: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("prefix") {
			fmt.Fprint(w, text)
		}
		return r.URL.Query().Has("prefix")
	}})
}

// items changes each object of a listing.
func items(how func(i *item)) change {
	return listed(func(_ query, a *listing) {
		for i := range a.Contents {
			how(&a.Contents[i])
		}
	})
}

// TestServers changes what the server of the survey says.
func TestServers(t *testing.T) {
	noToken := func(_ query, a *listing) { a.Token = "" }
	run(t, join(
		one("none", on(server{}), right()),
		one("no tokens", listed(noToken), right()),
		one("no tokens, nor a count", listed(func(q query, a *listing) { noToken(q, a); a.Count = 0 }), right()),
		one("the first version of listings", func(t *testing.T, k *kept) {
			s := server{list: noToken}
			s.page = func(_ http.ResponseWriter, r *http.Request) bool { // knows no parameter of the second
				q := r.URL.Query()
				for _, name := range []string{"list-type", "continuation-token", "start-after"} {
					q.Del(name)
				}
				r.URL.RawQuery = q.Encode()
				return false
			}
			on(s)(t, k)
		}, right()),
		one("no way to go on", func(t *testing.T, k *kept) {
			s := server{list: noToken}
			s.page = func(_ http.ResponseWriter, r *http.Request) bool {
				q := r.URL.Query()
				for _, name := range []string{"continuation-token", "start-after", "marker"} {
					q.Del(name)
				}
				r.URL.RawQuery = q.Encode()
				return false
			}
			on(s)(t, k)
		}, refused("s3://euclid/q1", "comes after")),
		one("the same token for ever", listed(func(_ query, a *listing) { a.Truncated, a.Token, a.Contents = "true", "t", nil; a.Count = 0 }), refused("same continuation token")),
		one("the first page for ever", listed(func(q query, a *listing) { a.Truncated = "true"; a.Token = fmt.Sprint(time.Now().UnixNano()) }), refused("comes after|no key")),
		one("IsTruncated left out", listed(func(_ query, a *listing) { a.Truncated, a.Token = "", "" }), refused("IsTruncated")),
		one("not truncated, with a token", listed(func(_ query, a *listing) { a.Truncated = "false" }), right()),
		one("fewer keys than it counts", listed(func(_ query, a *listing) {
			if len(a.Contents) > 1 {
				a.Contents = a.Contents[:len(a.Contents)-1]
			}
		}), refused("keys, and has")),
		one("keys in the order of another alphabet", listed(func(_ query, a *listing) {
			for i, j := 0, len(a.Contents)-1; i < j; i, j = i+1, j-1 {
				a.Contents[i], a.Contents[j] = a.Contents[j], a.Contents[i]
			}
		}), refused("comes after")),
		one("a key twice", listed(func(_ query, a *listing) {
			if len(a.Contents) > 0 {
				a.Contents = append(a.Contents, a.Contents[len(a.Contents)-1])
			}
		}), refused("comes after")),
		one("keys of the whole bucket", items(func(i *item) { i.Key = "other/" + i.Key }), refused("prefix")),
		one("keys below the prefix", items(func(i *item) { i.Key = strings.TrimPrefix(i.Key, "q1/VIS/") }), refused("prefix")),
		one("keys by directories", listed(func(_ query, a *listing) { a.Prefixes = []string{"q1/VIS/2681/"} }), refused("groups")),
		one("keys that are encoded", listed(func(_ query, a *listing) {
			a.Encoding = "url"
			for i := range a.Contents {
				a.Contents[i].Key = strings.NewReplacer("-", "%2D", "_", "%5f").Replace(a.Contents[i].Key)
			}
		}), right()),
		one("directories among the keys", listed(func(q query, a *listing) {
			if q["continuation-token"] == "" {
				a.Contents = append([]item{{Key: q["prefix"]}}, a.Contents...)
				a.Count++
			}
		}), right()),
		one("objects without a size", items(func(i *item) { i.Size = "" }), refused("no size")),
		one("objects of a negative size", items(func(i *item) { i.Size = "-1" }), refused("size -1")),
		one("objects without an identity", items(func(i *item) { i.ETag, i.LastModified = "", "" }), refused("ETag")),
		one("a console's page", answered("<!DOCTYPE html><html><body>Console</body></html>"), refused("Console|html", "s3_endpoint_url")),
		one("a page that is XML", answered("<html><body/></html>"), refused("html", "s3_endpoint_url")),
		one("nothing", answered(""), refused("empty", "s3_endpoint_url")),
		one("another document", answered("<ListAllMyBucketsResult/>"), refused("ListAllMyBucketsResult")),
		one("a listing of nothing", answered("<ListBucketResult/>"), refused("IsTruncated")),
		one("a listing that breaks off", answered("<ListBucketResult><IsTruncated>false</IsTruncated>"), refused("list")),
		one("weak ETags", on(server{etag: func(e string) string { return `W/"` + e + `"` }}), right()),
		one("ETags that If-Match never matches", on(server{page: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-Match") != "" {
				w.WriteHeader(http.StatusPreconditionFailed)
			}
			return r.Header.Get("If-Match") != ""
		}}), right()),
		one("200 where a range is all of a file", on(server{get: func(_ http.ResponseWriter, r *http.Request, size int) int {
			if h := r.Header.Get("Range"); h != "" && h != fmt.Sprintf("bytes=0-%d", size-1) {
				return http.StatusPartialContent
			}
			return http.StatusOK
		}}), right()),
		one("redirects to https", on(server{page: func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Location", "https://"+r.Host+r.URL.String())
			w.WriteHeader(http.StatusMovedPermanently)
			return true
		}}), refused("wants https", "s3_endpoint_url")),
		one("buckets in the host's name", on(server{page: func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>SecondLevelDomainForbidden</Code><Message>Please use virtual hosted style to access.</Message></Error>")
			return true
		}}), refused("s3_addressing: virtual")),
	))
}
