package objstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// TestWebStat: what is known of a file, and by what.
func TestWebStat(t *testing.T) {
	objstore.WebWaits(t)
	noHead := func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
		return r.Method == http.MethodHead
	}
	both := func(first, then answers) answers {
		return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			return first(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !then(w, r, pass) {
					pass.ServeHTTP(w, r)
				}
			}))
		}
	}
	for name, c := range map[string]struct {
		first answers
		says  string
		timed bool // known by time and size
	}{
		"as it is":            {},
		"a weak ETag":         {first: header("Etag", `W/"1"`), timed: true},
		"no ETag":             {first: header("Etag", ""), timed: true},
		"an empty ETag":       {first: header("Etag", `""`), timed: true},
		"a weak ETag alone":   {first: both(header("Etag", `W/"1"`), header("Last-Modified", "")), says: "neither an ETag (other than a weak one) nor"},
		"nothing":             {first: both(header("Etag", ""), header("Last-Modified", "")), says: "neither an ETag"},
		"a time that is none": {first: both(header("Etag", ""), header("Last-Modified", "yesterday")), says: "neither an ETag"},
		"no HEAD":             {first: noHead},
		"no HEAD, no range": {first: func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			return noHead(w, r, pass) || whole(w, r, pass)
		}},
		"no size": {first: chunked, says: "doesn't say how large"},
		"gzip":    {first: header("Content-Encoding", "x-gzip"), says: "Content-Encoding"},
		"a page":  {first: header("Content-Type", "text/html"), says: "it is a web page"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAnswering(t)
			a.first = c.first
			s := objstore.Open(t.Context(), objstore.Config{})
			info, err := s.Stat(t.Context(), a.info.URI)
			if c.says != "" {
				if fault.CodeOf(err) != objstore.Refused || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v, want %q", err, c.says)
				}
				if _, err := get(t, s, a.info.URI, "", objstore.Whole); err == nil {
					t.Error("it can be read all the same")
				}
				return
			}
			want := a.info.ETag
			if c.timed {
				want = fmt.Sprintf("modified-%d-100000", info.Modified.Unix())
			}
			if err != nil || info.Size != a.info.Size || info.ETag != want {
				t.Errorf("%+v, %v, want %s", info, err, want)
			}
			if name == "no HEAD, no range" {
				return
			}
			if got, err := get(t, s, info.URI, info.ETag, objstore.Range{Offset: 5, Length: 10}); err != nil || !bytes.Equal(got, a.data[5:15]) {
				t.Errorf("%q, %v", got, err)
			}
			a.replace(t, noise(100_001))
			if _, err := get(t, s, info.URI, info.ETag, objstore.Range{Offset: 5, Length: 10}); c.timed && fault.CodeOf(err) != objstore.ObjectChanged {
				t.Errorf("replaced: %v", err)
			}
		})
	}
}

// TestWebLabelled: a file that is gzip itself may be labelled so, and comes as it is.
func TestWebLabelled(t *testing.T) {
	a := newAnswering(t)
	if err := os.Rename(filepath.Join(a.dir, "x.fits"), filepath.Join(a.dir, "x.fits.gz")); err != nil {
		t.Fatal(err)
	}
	a.first = header("Content-Encoding", "x-gzip")
	got, err := get(t, objstore.Open(t.Context(), objstore.Config{}), a.URL+"/x.fits.gz", "", objstore.Whole)
	if err != nil || !bytes.Equal(got, a.data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestWebChanges: a file that is replaced while it is read is an error, and the
// bytes of two are never mixed.
func TestWebChanges(t *testing.T) {
	a := newAnswering(t)
	a.data = noise(20 << 20)
	a.replace(t, a.data)
	s := objstore.Open(t.Context(), objstore.Config{})
	info, err := s.Stat(t.Context(), a.info.URI)
	if err != nil {
		t.Fatal(err)
	}
	cut := answers(s3test.Make(s3test.Truncated))
	a.first = atFirst(1, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		defer a.replace(t, noise(20<<20+1))
		return cut(w, r, pass)
	})
	got, err := get(t, s, info.URI, "", objstore.Whole)
	if fault.CodeOf(err) != objstore.ObjectChanged || !bytes.Equal(got, a.data[:len(got)]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestWebWaits: as long as the server asks for, and no longer than a minute.
func TestWebWaits(t *testing.T) {
	waits := objstore.WebWaits(t)
	for said, want := range map[string]time.Duration{"7": 7 * time.Second, "60": time.Minute, "0": 0, "": 0, "soon": 0, "-5": 0} {
		a := newAnswering(t)
		a.first = atFirst(1, status(http.StatusServiceUnavailable, "Retry-After", said))
		if _, err := objstore.Open(t.Context(), objstore.Config{}).Stat(t.Context(), a.info.URI); err != nil {
			t.Error(err)
		}
		if w := waits(); len(w) != 1 || want > 0 && w[0] != want || want == 0 && w[0] > time.Second {
			t.Errorf("%q: waited %v", said, w)
		}
	}
	a := newAnswering(t)
	a.first = status(http.StatusServiceUnavailable)
	if _, err := objstore.Open(t.Context(), objstore.Config{}).Stat(t.Context(), a.info.URI); fault.CodeOf(err) != objstore.Throttled || a.asked.Load() != 8 {
		t.Errorf("asked %d times: %v", a.asked.Load(), err)
	}
	if w := waits(); len(w) != 7 {
		t.Errorf("waited %v", w)
	}
}

// TestWebStalls: a server that goes silent is asked again, for the rest only.
func TestWebStalls(t *testing.T) {
	t.Setenv("CONSTELLATION_STALL_TIME", "300ms")
	objstore.WebWaits(t)
	a := newAnswering(t)
	a.first = atFirst(2, answers(s3test.Make(s3test.Stall)))
	got, err := get(t, objstore.Open(t.Context(), objstore.Config{}), a.info.URI, a.info.ETag, objstore.Whole)
	if err != nil || !bytes.Equal(got, a.data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestWebWeather: whatever passes by itself is met, and the bytes are right.
func TestWebWeather(t *testing.T) {
	t.Setenv("CONSTELLATION_STALL_TIME", "300ms")
	objstore.WebWaits(t)
	a := newAnswering(t)
	weather := s3test.NewWeather(14, 0.3, s3test.InternalError, s3test.SlowDown, s3test.Reset, s3test.Lost, s3test.Truncated, s3test.WrongRange, s3test.WholeObject)
	a.first = weather.Fault
	s := objstore.Open(t.Context(), objstore.Config{})
	random := rand.New(rand.NewPCG(14, 0))
	for range 100 {
		from := random.Int64N(99_000)
		r := objstore.Range{Offset: from, Length: 1 + random.Int64N(100_000-from)}
		if got, err := get(t, s, a.info.URI, a.info.ETag, r); err != nil || !bytes.Equal(got, a.data[from:from+r.Length]) {
			t.Fatalf("%+v: %d bytes, %v", r, len(got), err)
		}
	}
	if n := weather.Counts(); len(n) < 7 {
		t.Errorf("%v", n)
	}
}

// TestWebReuse: requests share connections, those that were refused too.
func TestWebReuse(t *testing.T) {
	a := newAnswering(t)
	var conns atomic.Int64
	handler := a.Config.Handler
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	s := objstore.Open(t.Context(), objstore.Config{})
	for i := range 20 {
		if _, err := get(t, s, server.URL+"/x.fits", "", objstore.Range{Offset: int64(i), Length: 100}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stat(t.Context(), server.URL+"/"+strconv.Itoa(i)); !objstore.IsNotFound(err) {
			t.Fatal(err)
		}
		if _, err := get(t, s, server.URL+"/"+strconv.Itoa(i), "", objstore.Range{Length: 100}); !objstore.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for requests one after the other", n)
	}
}

// TestWebURLs: what is no URL of a file, and that nothing is asked of it.
func TestWebURLs(t *testing.T) {
	s := objstore.Open(t.Context(), objstore.Config{})
	for uri, says := range map[string]string{
		"https://me:secret@archive.invalid/x": "must not hold a user or a password", "https://me@archive.invalid/x": "must not hold a user",
		"http://archive.invalid/x": "for servers on this machine only", "http://127.0.0.1.archive.invalid/x": "for servers on this machine only",
		"https:///x": "names no server", "https://archive.invalid/x?token=secret": "no query", "https://archive.invalid/x#a": "no fragment",
		"https://archive.invalid/a/../x": `has ".." in it`, "https://archive.invalid/%2e%2e/x": `has ".." in it`, "https://archive.invalid/100%": "invalid URL escape",
		"https://archive.invalid/a\nb": "invalid control character", "https://archive.invalid": "names a directory", "https://archive.invalid/a/": "names a directory",
		"https://archive.invalid:x/a": "invalid port",
	} {
		_, err := s.Stat(t.Context(), uri)
		if fault.CodeOf(err) != objstore.InvalidURI || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", uri, err, says)
		}
	}
	if _, err := s.Create(t.Context(), "https://archive.invalid/x"); fault.CodeOf(err) != objstore.NotWritable {
		t.Errorf("Create: %v", err)
	}
	if err := s.Delete(t.Context(), "https://archive.invalid/x"); fault.CodeOf(err) != objstore.NotWritable {
		t.Errorf("Delete: %v", err)
	}
	if used := s.Usage(); used.Requests != 0 {
		t.Errorf("used %+v", used)
	}
}

// TestWebTrust: a server whose certificate nobody trusts, and one without TLS,
// are refused at once; and none sends on to where there is no TLS.
func TestWebTrust(t *testing.T) {
	waits := objstore.WebWaits(t)
	secret := httptest.NewUnstartedServer(http.NotFoundHandler())
	secret.Config.ErrorLog = log.New(io.Discard, "", 0)
	secret.StartTLS()
	t.Cleanup(secret.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	s := objstore.Open(t.Context(), objstore.Config{})
	for _, uri := range []string{secret.URL + "/x", strings.Replace(plain.URL, "http:", "https:", 1) + "/x"} {
		_, err := s.Stat(t.Context(), uri)
		if fault.CodeOf(err) != objstore.AccessDenied || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "no safe connection") || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if w := waits(); len(w) != 0 {
		t.Errorf("it was tried again after %v", w)
	}
	_, err := s.Stat(t.Context(), "https://archive.invalid/x")
	if fault.CodeOf(err) != objstore.ConnectionLost || !strings.Contains(err.Error(), "archive.invalid") {
		t.Errorf("no such host: %v", err)
	}
}
