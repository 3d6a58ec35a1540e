package objstore_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/storetest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/objstore/webserve"
)

// mirror is a directory that is written to as such, and read from a web server.
// Its URIs are as they are of other stores, without percent-encoding.
type mirror struct {
	*objstore.Mux
	files     *objstore.Mux
	dir, at   string
	unmetered atomic.Int64
}

const mirrored = "mirror://x/"

func (m *mirror) url(uri string) string {
	parts := strings.Split(strings.TrimPrefix(uri, mirrored), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return m.at + strings.Join(parts, "/")
}

func (m *mirror) path(uri string) string { return m.dir + "/" + strings.TrimPrefix(uri, mirrored) }

func (m *mirror) said(uri string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) && (f.Object == m.url(uri) || f.Object == m.path(uri)) {
		f.Object = uri
	}
	return err
}

func (m *mirror) named(i objstore.Info) objstore.Info {
	name, err := url.PathUnescape(strings.TrimPrefix(i.URI, m.at))
	if err != nil {
		panic(err)
	}
	i.URI = mirrored + name
	return i
}

func (m *mirror) Stat(ctx context.Context, uri string) (objstore.Info, error) {
	i, err := m.Mux.Stat(ctx, m.url(uri))
	if err != nil {
		return i, m.said(uri, err)
	}
	return m.named(i), nil
}

func (m *mirror) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	b, err := m.Mux.Get(ctx, m.url(uri), etag, r)
	return b, m.said(uri, err)
}

func (m *mirror) List(ctx context.Context, prefix string, visit func(objstore.Info) error) error {
	return m.said(prefix, m.Mux.List(ctx, m.url(prefix), func(i objstore.Info) error { return visit(m.named(i)) }))
}

func (m *mirror) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	u, err := m.files.Create(ctx, m.path(uri))
	return &mirrorUpload{u, m, ctx, uri}, m.said(uri, err)
}

func (m *mirror) Delete(ctx context.Context, uri string) error {
	return m.said(uri, m.files.Delete(ctx, m.path(uri)))
}

func (m *mirror) Usage() objstore.Usage {
	u, f := m.Mux.Usage(), m.files.Usage()
	return objstore.Usage{Requests: u.Requests + f.Requests - m.unmetered.Load(), BytesRead: u.BytesRead, BytesWritten: f.BytesWritten}
}

type mirrorUpload struct {
	objstore.Upload
	m   *mirror
	ctx context.Context
	uri string
}

// Commit says what the web server says of the file.
func (u *mirrorUpload) Commit() (objstore.Info, error) {
	if i, err := u.Upload.Commit(); err != nil {
		return i, u.m.said(u.uri, err)
	}
	u.m.unmetered.Add(1)
	return u.m.Stat(u.ctx, u.uri)
}

func serveDir(t testing.TB, dir string, wrap func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	h, err := webserve.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(wrap(h))
	t.Cleanup(func() { s.Close(); h.Close() })
	return s
}

// TestWeb: with ETags; and with the time and the size in their place, where
// contents that follow each other within a second are told apart by size.
func TestWeb(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"ETag": func(h http.Handler) http.Handler { return h },
		"Last-Modified": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(lacking{w, "Etag"}, r) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "served")
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			s := serveDir(t, dir, wrap)
			m := &mirror{Mux: objstore.Open(t.Context(), objstore.Config{}), files: objstore.Open(t.Context(), objstore.Config{}), dir: dir, at: s.URL + "/"}
			storetest.RunReading(t, m, mirrored+"some/where")
		})
	}
}

// lacking takes headers out of answers.
type lacking struct {
	http.ResponseWriter
	header string
}

func (w lacking) WriteHeader(status int) {
	w.Header().Del(w.header)
	w.ResponseWriter.WriteHeader(status)
}

func (w lacking) Unwrap() http.ResponseWriter { return w.ResponseWriter }
