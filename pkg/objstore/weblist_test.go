package objstore_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// newListing is a server of a few directories.
func newListing(t *testing.T) *answering {
	t.Helper()
	a := &answering{dir: t.TempDir()}
	for _, name := range []string{"q2/VIS/1/a.fits", "q2/VIS/1/b.fits", "q2/VIS/2/c.fits", "q2/VIS/x.fits", "q2/VIS-old/d.fits", "q2/a b/ü&<.fits"} {
		path := filepath.Join(a.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	a.Server = serveDir(t, a.dir, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.asked.Add(1)
			if a.first == nil || !a.first(w, r, h) {
				h.ServeHTTP(w, r)
			}
		})
	})
	return a
}

func (a *answering) names(t *testing.T, prefix string) ([]string, error) {
	t.Helper()
	var names []string
	err := objstore.ListNames(t.Context(), objstore.Open(t.Context(), objstore.Config{}), a.URL+"/"+prefix, func(i objstore.Info) error {
		names = append(names, strings.TrimPrefix(i.URI, a.URL+"/"))
		return nil
	})
	return names, err
}

// TestWebNames: names come by pages alone, in the order that S3 has them in.
func TestWebNames(t *testing.T) {
	a := newListing(t)
	for prefix, c := range map[string]struct {
		want  []string
		pages int64
	}{
		"q2/VIS/":  {[]string{"q2/VIS/1/a.fits", "q2/VIS/1/b.fits", "q2/VIS/2/c.fits", "q2/VIS/x.fits"}, 3},
		"q2/VIS/1": {[]string{"q2/VIS/1/a.fits", "q2/VIS/1/b.fits"}, 2},
		"q2/":      {[]string{"q2/VIS-old/d.fits", "q2/VIS/1/a.fits", "q2/VIS/1/b.fits", "q2/VIS/2/c.fits", "q2/VIS/x.fits", "q2/a%20b/%C3%BC&%3C.fits"}, 6},
		"none/":    {nil, 1},
		"":         {[]string{"q2/VIS-old/d.fits", "q2/VIS/1/a.fits", "q2/VIS/1/b.fits", "q2/VIS/2/c.fits", "q2/VIS/x.fits", "q2/a%20b/%C3%BC&%3C.fits"}, 7},
	} {
		a.asked.Store(0)
		if got, err := a.names(t, prefix); err != nil || !slices.Equal(got, c.want) || a.asked.Load() != c.pages {
			t.Errorf("%q: %q by %d requests, %v", prefix, got, a.asked.Load(), err)
		}
	}
	for _, n := range []string{"q2/a%20b/%C3%BC&%3C.fits", "q2/a b/ü&<.fits"} {
		if data, err := objstore.ReadFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), a.URL+"/"+n); string(data) != "q2/a b/ü&<.fits" {
			t.Errorf("%s: %q, %v", n, data, err)
		}
	}
	// As without a slash at the end: of a whole host.
	a.asked.Store(0)
	if err := objstore.ListNames(t.Context(), objstore.Open(t.Context(), objstore.Config{}), a.URL, func(objstore.Info) error { return nil }); err != nil || a.asked.Load() != 7 {
		t.Errorf("a host: %d requests, %v", a.asked.Load(), err)
	}
}

// on answers for one path only.
func on(path string, f answers) answers {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		return r.URL.Path == path && f(w, r, pass)
	}
}

// body answers with a page of one's own.
func body(kind, text string) answers {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, text)
		return true
	}
}

// TestWebListings: a listing that is not all there is an error that names the
// directory, never a shorter list.
func TestWebListings(t *testing.T) {
	objstore.WebWaits(t)
	index := "<html><head><title>Index of /q2/VIS/1</title></head><body><pre>"
	whole := []string{"q2/VIS/1/a.fits", "q2/VIS/1/b.fits", "q2/VIS/2/c.fits", "q2/VIS/x.fits"}
	const one = "/q2/VIS/1/"
	for name, c := range map[string]struct {
		first      answers
		code, says string
		kind       fault.Kind
		want       []string
	}{
		"as it is":            {want: whole},
		"a 500, twice":        {first: on(one, atFirst(2, status(500))), want: whole},
		"a 503, twice":        {first: on(one, atFirst(2, status(503, "Retry-After", "1"))), want: whole},
		"reset, twice":        {first: on(one, atFirst(2, answers(s3test.Make(s3test.Reset)))), want: whole},
		"broken off, twice":   {first: on(one, atFirst(2, answers(s3test.Make(s3test.Truncated)))), want: whole},
		"cut, twice":          {first: on(one, atFirst(2, body("text/html", index+`<a href="a.fits">a</a>`))), want: whole},
		"a 500":               {first: on(one, status(500)), code: objstore.ServerError, kind: fault.Transient},
		"cut":                 {first: on(one, body("text/html", index+`<a href="a.fits">a</a>`)), code: objstore.ListingInvalid, says: "it is cut: it ends within <pre>, after 1 names"},
		"forbidden":           {first: on(one, status(403)), code: objstore.AccessDenied, says: "it gives no list of this directory"},
		"for members":         {first: on(one, status(401)), code: objstore.AccessDenied, says: "data.files"},
		"gone":                {first: on(one, status(404)), code: objstore.ListingInvalid, says: "the directory above it links to it, and it isn't there"},
		"JSON":                {first: on(one, body("application/json", `[{"name":"a.fits"}]`)), code: objstore.ListingInvalid, says: `Content-Type: "application/json"`},
		"XML":                 {first: on(one, body("text/xml", `<list/>`)), code: objstore.ListingInvalid, says: `Content-Type: "text/xml"`},
		"a file of that name": {first: on(one, body("application/octet-stream", "SIMPLE")), code: objstore.ListingInvalid, says: "it is no web page"},
		"a portal":            {first: on(one, body("text/html", "<html><title>Welcome</title></html>")), code: objstore.ListingInvalid, says: `its title is "Welcome"`},
		"empty":               {first: on(one, body("text/html", "")), code: objstore.ListingInvalid, says: "it is empty"},
		"gzip": {first: on(one, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			w.Header().Set("Content-Encoding", "gzip")
			return body("text/html", "x")(w, nil, nil)
		}), code: objstore.ListingInvalid, says: `Content-Encoding: "gzip"`},
		"a redirect": {first: on(one, redirect("/q2/VIS/2/", "")), want: []string{"q2/VIS/1/c.fits", "q2/VIS/2/c.fits", "q2/VIS/x.fits"}},
		"a redirect to log in": {first: func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			return on(one, login)(w, r, pass) || on("/login", login)(w, r, pass)
		}, code: objstore.ListingInvalid, says: "it has no title"},
		"a circle": {first: on(one, redirect(one, one)), code: objstore.Refused, says: "redirects in a circle"},
		"204":      {first: on(one, status(204)), code: objstore.Refused},
		"without end": {first: func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			return strings.HasPrefix(r.URL.Path, one) && body("text/html", strings.ReplaceAll(index, "/q2/VIS/1", r.URL.Path)+`<a href="again/">again</a></pre></body></html>`)(w, r, pass)
		}, code: objstore.ListingInvalid, says: "directories lie in each other 32 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newListing(t)
			a.first = c.first
			got, err := a.names(t, "q2/VIS/")
			if c.code == "" {
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			kind := c.kind
			if kind == fault.Unclassified {
				kind = fault.BadInput
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != c.code || f.Kind != kind || !strings.HasPrefix(f.Object, a.URL+one) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q, %v, want %s with %q", got, err, c.code, c.says)
			}
			if kind == fault.BadInput && (f == nil || f.Remedy == "") {
				t.Errorf("no remedy: %v", err)
			}
		})
	}
}

// TestWebListStops: pages that were asked for ahead are done with when it returns.
func TestWebListStops(t *testing.T) {
	a := newListing(t)
	for i := range 40 {
		if err := os.Mkdir(filepath.Join(a.dir, "q2", fmt.Sprintf("n%02d", i)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(a.dir, "q2", fmt.Sprintf("n%02d", i), "x"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var at, most atomic.Int64
	a.first = func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		most.Store(max(most.Load(), at.Add(1)))
		defer at.Add(-1)
		pass.ServeHTTP(w, r)
		return true
	}
	if got, err := a.names(t, "q2/n"); err != nil || len(got) != 40 || most.Load() > 8 {
		t.Errorf("%d names, %d pages at a time, %v", len(got), most.Load(), err)
	}
	a.asked.Store(0)
	enough := errors.New("enough")
	err := objstore.ListNames(t.Context(), objstore.Open(t.Context(), objstore.Config{}), a.URL+"/q2/n", func(objstore.Info) error { return enough })
	if !errors.Is(err, enough) || a.asked.Load() > 12 {
		t.Errorf("%v after %d pages", err, a.asked.Load())
	}
}
