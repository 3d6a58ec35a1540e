package objstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// answering is a server of one file of ours, x.fits, whose answers a test changes.
type answering struct {
	*httptest.Server
	data []byte
	info objstore.Info
	dir  string
	// first sees each request; true: it was answered.
	first func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool
	asked atomic.Int64
}

func newAnswering(t *testing.T) *answering {
	t.Helper()
	a := &answering{data: noise(100_000), dir: t.TempDir()}
	a.replace(t, a.data)
	a.Server = serveDir(t, a.dir, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.asked.Add(1)
			if a.first == nil || !a.first(w, r, h) {
				h.ServeHTTP(w, r)
			}
		})
	})
	var err error
	if a.info, err = objstore.Open(t.Context(), objstore.Config{}).Stat(t.Context(), a.URL+"/x.fits"); err != nil {
		t.Fatal(err)
	}
	a.asked.Store(0)
	return a
}

func (a *answering) replace(t *testing.T, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, "x.fits"), data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s objstore.Reader, uri, etag string, r objstore.Range) ([]byte, error) {
	t.Helper()
	body, err := s.Get(t.Context(), uri, etag, r)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// changing passes an answer on whose header and status a test changes.
type changing struct {
	http.ResponseWriter
	change func(h http.Header, status int) int
}

func (c changing) WriteHeader(status int) {
	c.ResponseWriter.WriteHeader(c.change(c.Header(), status))
}

func header(key, value string) func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		pass.ServeHTTP(changing{w, func(h http.Header, status int) int {
			if h.Del(key); value != "" {
				h.Set(key, value)
			}
			return status
		}}, r)
		return true
	}
}

// whole answers ranges with all of the file.
func whole(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
	r.Header.Del("Range")
	pass.ServeHTTP(w, r)
	return true
}

func status(code int, extra ...string) func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		for i := 0; i < len(extra); i += 2 {
			w.Header().Set(extra[i], extra[i+1])
		}
		w.WriteHeader(code)
		return true
	}
}

type answers = func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool

// TestWebAnswers: what a server may answer to a range of a file that is pinned
// to its ETag; the code where it is refused, else the right bytes.
func TestWebAnswers(t *testing.T) {
	objstore.WebWaits(t)
	page := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<html><title>Log in</title></html>")
		return true
	}
	for name, c := range map[string]struct {
		first      answers
		code, says string
		kind       fault.Kind
	}{
		"as it is":                   {},
		"a weakened ETag":            {first: weakened},
		"no ETag":                    {first: header("Etag", ""), code: objstore.Refused, says: "it has no ETag to compare with"},
		"another ETag":               {first: header("Etag", `"other"`), code: objstore.ObjectChanged, says: "replaced since it was indexed"},
		"412":                        {first: ranged(status(http.StatusPreconditionFailed)), says: "", code: objstore.ObjectChanged},
		"412 to conditions only":     {first: refusesConditions},
		"200 to a range":             {first: whole, code: objstore.Refused, says: "the server ignores ranges: it sent all 100000 bytes when asked for bytes=1000-1999"},
		"gzip":                       {first: header("Content-Encoding", "gzip"), code: objstore.Refused, says: `Content-Encoding: "gzip"`},
		"brotli":                     {first: header("Content-Encoding", "br"), code: objstore.Refused, says: `Content-Encoding: "br"`},
		"identity":                   {first: header("Content-Encoding", "identity")},
		"a page":                     {first: page, code: objstore.Refused, says: "it is a web page"},
		"another range":              {first: header("Content-Range", "bytes 1001-2000/100000"), code: objstore.ServerError, kind: fault.Transient, says: "the server answered something else"},
		"a shorter range":            {first: header("Content-Range", "bytes 1000-1998/100000"), code: objstore.ServerError, kind: fault.Transient},
		"no range":                   {first: header("Content-Range", ""), code: objstore.ServerError, kind: fault.Transient},
		"of an unknown size":         {first: header("Content-Range", "bytes 1000-1999/*")},
		"multipart":                  {first: header("Content-Range", ""), code: objstore.ServerError, kind: fault.Transient},
		"404":                        {first: status(http.StatusNotFound), code: objstore.NotFound},
		"410":                        {first: status(http.StatusGone), code: objstore.NotFound},
		"403":                        {first: status(http.StatusForbidden), code: objstore.AccessDenied, says: "doesn't give this to everybody"},
		"401":                        {first: status(http.StatusUnauthorized, "WWW-Authenticate", "Basic"), code: objstore.AccessDenied},
		"416 of what there is":       {first: ranged(status(http.StatusRequestedRangeNotSatisfiable)), code: objstore.ServerError, kind: fault.Transient, says: "that there are no such bytes"},
		"400":                        {first: status(http.StatusBadRequest), code: objstore.Refused, says: `"400 Bad Request"`},
		"204":                        {first: status(http.StatusNoContent), code: objstore.Refused},
		"304":                        {first: status(http.StatusNotModified), code: objstore.Refused},
		"500 for good":               {first: status(http.StatusInternalServerError), code: objstore.ServerError, kind: fault.Transient},
		"500 twice":                  {first: atFirst(2, status(http.StatusInternalServerError))},
		"502 twice":                  {first: atFirst(2, status(http.StatusBadGateway))},
		"503 six times":              {first: atFirst(6, status(http.StatusServiceUnavailable))},
		"429 for good":               {first: status(http.StatusTooManyRequests), code: objstore.Throttled, kind: fault.Transient},
		"429 for an hour":            {first: status(http.StatusTooManyRequests, "Retry-After", "3600"), code: objstore.Throttled, kind: fault.Transient, says: "asks to be left alone for 1h0m0s"},
		"501":                        {first: status(http.StatusNotImplemented), code: objstore.Refused},
		"505":                        {first: status(http.StatusHTTPVersionNotSupported), code: objstore.Refused},
		"reset twice":                {first: atFirst(2, answers(s3test.Make(s3test.Reset)))},
		"cut halfway, twice":         {first: atFirst(2, answers(s3test.Make(s3test.Truncated)))},
		"one byte further on, twice": {first: atFirst(2, answers(s3test.Make(s3test.WrongRange)))},
		"all of it, twice":           {first: atFirst(2, answers(s3test.Make(s3test.WholeObject)))},
		"a redirect":                 {first: redirect("/y.fits", "/x.fits")},
		"a redirect without a place": {first: status(http.StatusFound), code: objstore.Refused},
		"a redirect in a circle":     {first: redirect("/x.fits", "/x.fits"), code: objstore.Refused, says: "redirects in a circle"},
		"redirects without end":      {first: further, code: objstore.Refused, says: "redirected 10 times"},
		"a redirect to another host": {first: redirect("http://archive.invalid/x.fits", ""), code: objstore.Refused, says: "could change what is read"},
		"a redirect with a password": {first: redirect("https://me:secret@archive.invalid/x.fits", ""), code: objstore.Refused, says: "a user or a password"},
		"a redirect to a file":       {first: redirect("file:///etc/passwd", ""), code: objstore.Refused, says: `redirects to a "file" URL`},
		"a redirect to a directory":  {first: redirect("/x.fits/", ""), code: objstore.NotFound},
		"a redirect to a page":       {first: login, code: objstore.Refused, says: "/login, to which the request was redirected"},
		"chunked":                    {first: chunked},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAnswering(t)
			a.first = c.first
			s := objstore.Open(t.Context(), objstore.Config{})
			got, err := get(t, s, a.info.URI, a.info.ETag, objstore.Range{Offset: 1000, Length: 1000})
			if c.code == "" {
				if err != nil || !bytes.Equal(got, a.data[1000:2000]) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				return
			}
			kind := c.kind
			if kind == fault.Unclassified {
				kind = fault.BadInput
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != c.code || f.Kind != kind || f.Object != a.info.URI || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%d bytes, %v, want %s with %q", len(got), err, c.code, c.says)
			}
			if kind == fault.BadInput && f != nil && f.Remedy == "" && f.Code != objstore.NotFound {
				t.Errorf("no remedy: %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "\n") {
				t.Errorf("more than a line: %v", err)
			}
		})
	}
}

func weakened(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
	r.Header.Del("If-Match")
	pass.ServeHTTP(changing{w, func(h http.Header, status int) int { h.Set("Etag", "W/"+h.Get("Etag")); return status }}, r)
	return true
}

// ranged answers requests of ranges only.
func ranged(f answers) answers {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		return r.Header.Get("Range") != "" && f(w, r, pass)
	}
}

func refusesConditions(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if r.Header.Get("If-Match") == "" {
		return false
	}
	w.WriteHeader(http.StatusPreconditionFailed)
	return true
}

func atFirst(n int64, f answers) answers {
	var seen atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		return seen.Add(1) <= n && f(w, r, pass)
	}
}

// redirect sends requests to a place; what is asked there is the file at another path.
func redirect(to, at string) answers {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		if at != "" && at != to && r.URL.Path == to {
			r.URL.Path = at
			return false
		}
		if r.URL.Path == to {
			return at == to && found(w, to)
		}
		return found(w, to)
	}
}

func found(w http.ResponseWriter, to string) bool {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return true
}

func further(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	return found(w, r.URL.Path+"x")
}

func login(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if r.URL.Path != "/login" {
		return found(w, "/login?token=secret")
	}
	w.Header().Set("Content-Type", "text/html")
	io.WriteString(w, "<html></html>")
	return true
}

// chunked sends a range without its length.
func chunked(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
	pass.ServeHTTP(changing{w, func(h http.Header, status int) int { h.Del("Content-Length"); return status }}, r)
	return true
}
