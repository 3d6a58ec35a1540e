package objstore_test

import (
	"bytes"
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
