// Package webserve serves a directory as an archive's plain web server does:
// files by ranges, with ETag and Last-Modified, and directories by an index page
// as Apache makes it. It is for tests and demonstrations on one machine.
package webserve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Options say what is served, and how.
type Options struct {
	Dir       string
	Addr      string // host:port; port 0 takes a free one
	Cert, Key string // files of a certificate and its key, in PEM; both empty: no TLS
	Ready     func(url string)
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	if (o.Cert == "") != (o.Key == "") {
		return fault.Input("FlagsInvalid", "a certificate and its key go together").Fix("give both --tls-cert and --tls-key, or neither")
	}
	if o.Cert != "" {
		if err := usable(o.Cert, o.Key); err != nil {
			return err
		}
	}
	handler, err := New(o.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = handler.Close() }() // it was only read
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fault.Input("AddressUnusable", "%w", err).On(o.Addr).Fix("give another --addr")
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { done <- server.Close() })
	defer stop()
	if o.Cert == "" {
		o.Ready("http://" + reachable(listener.Addr()))
		err = server.Serve(listener)
	} else {
		o.Ready("https://" + reachable(listener.Addr()))
		err = server.ServeTLS(listener, o.Cert, o.Key)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

// reachable is an address that a client can use: one that means every
// interface is named by loopback's.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
	}
	return addr.String()
}

// Handler serves one directory. What links lead to outside of it is not there.
type Handler struct{ root *os.Root }

// New opens a directory.
func New(dir string) (*Handler, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Input("DirectoryUnusable", "%w", err).Fix("give a directory; mkdir makes one")
	}
	return &Handler{root}, nil
}

// Close ends it.
func (h *Handler) Close() error { return h.root.Close() }

// hidden is how files begin that this suite is still writing.
const hidden = ".constellation-upload-"

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this server is for reading", http.StatusMethodNotAllowed)
		return
	}
	name, directory := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.URL.Path == "/" {
		name, directory = ".", true
	}
	if !fs.ValidPath(name) {
		http.NotFound(w, r)
		return
	}
	f, err := h.root.Open(name)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		h.fail(w, r, err)
	case fi.IsDir() && !directory:
		to := *r.URL
		to.Path, to.RawPath = r.URL.Path+"/", ""
		http.Redirect(w, r, to.EscapedPath(), http.StatusMovedPermanently)
	case fi.IsDir():
		entries, err := f.ReadDir(-1)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.index(w, r, entries)
	case directory || !fi.Mode().IsRegular():
		http.NotFound(w, r)
	default:
		w.Header().Set("Etag", fmt.Sprintf("%q", fmt.Sprintf("%x-%x", fi.Size(), fi.ModTime().UnixNano())))
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", fi.ModTime(), f)
	}
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, fs.ErrPermission) {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	http.NotFound(w, r)
}
