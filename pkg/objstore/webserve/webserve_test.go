package webserve_test

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore/webserve"
)

// TestServe: what is in the directory is served, by ranges, and nothing else.
func TestServe(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "served")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "a b"), 0o777))
	must(os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o666))
	must(os.WriteFile(filepath.Join(dir, "a b", "x<&>.fits"), []byte("0123456789"), 0o666))
	must(os.WriteFile(filepath.Join(dir, ".constellation-upload-1"), nil, 0o666))
	must(os.Symlink(filepath.Join(top, "secret"), filepath.Join(dir, "out")))
	must(os.Symlink("a b", filepath.Join(dir, "in")))
	h, err := webserve.New(dir)
	must(err)
	defer h.Close()
	for _, c := range []struct {
		method, path, part string
		status             int
		says               string
	}{
		{"GET", "/", "", 200, `<a href="a%20b/">a b/</a>`},
		{"GET", "/", "", 200, `<a href="in/">in/</a>`},
		{"GET", "/a%20b/", "", 200, `<a href="x%3C&amp;%3E.fits">x&lt;&amp;&gt;.fits</a>`},
		{"GET", "/a%20b", "", 301, ""},
		{"GET", "/in/x%3C&%3E.fits", "", 200, "0123456789"},
		{"GET", "/a%20b/x%3C&%3E.fits", "bytes=2-4", 206, "234"},
		{"GET", "/a%20b/x%3C&%3E.fits", "bytes=20-24", 416, ""},
		{"HEAD", "/a%20b/x%3C&%3E.fits", "", 200, ""},
		{"GET", "/a%20b/x%3C&%3E.fits/", "", 404, ""},
		{"GET", "/none", "", 404, ""}, {"GET", "/none/", "", 404, ""}, {"GET", "/out", "", 404, ""},
		{"GET", "/../secret", "", 404, ""}, {"GET", "/a%20b/../../secret", "", 404, ""}, {"GET", "/%2e%2e/secret", "", 404, ""}, {"GET", "//etc/passwd", "", 404, ""},
		{"PUT", "/a%20b/y", "", 405, ""}, {"DELETE", "/a%20b/x%3C&%3E.fits", "", 405, ""},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		if c.part != "" {
			r.Header.Set("Range", c.part)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body, err := io.ReadAll(w.Body)
		must(err)
		if w.Code != c.status || !strings.Contains(string(body), c.says) || strings.Contains(string(body), "secret") || strings.Contains(string(body), "upload-1") || strings.Contains(string(body), `"out"`) {
			t.Errorf("%s %s: %d, %s", c.method, c.path, w.Code, body)
		}
		if w.Code/100 == 2 && strings.HasSuffix(c.path, "fits") && (w.Header().Get("Etag") == "" || w.Header().Get("Last-Modified") == "" || w.Header().Get("Accept-Ranges") != "bytes") {
			t.Errorf("%s: %v", c.path, w.Header())
		}
	}
}
