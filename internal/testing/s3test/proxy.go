package s3test

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between clients and a server, adds the distance of a far one to
// each request, and counts. It leaves the Host header as it is, so that
// signatures hold.
type Proxy struct {
	Endpoint string

	latency  time.Duration
	requests atomic.Int64
	out, in  atomic.Int64
	conns    atomic.Int64
	fault    atomic.Pointer[Fault]
}

// Fault answers a request in the server's stead, or lets it pass by returning
// false. It can take the connection over (http.Hijacker) and break it.
type Fault func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool

// Proxy starts one in front of the server, until the test ends. The latency is
// waited once for each request, before it goes on.
func (s *Server) Proxy(t testing.TB, latency time.Duration) *Proxy {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Endpoint: "http://" + listener.Addr().String(), latency: latency}
	transport := &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host
		},
		Transport:    transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, pass) }),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				p.conns.Add(1)
			}
		},
	}
	go server.Serve(listener)
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections() // the S3 server waits for them when it ends
	})
	return p
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	p.requests.Add(1)
	time.Sleep(p.latency)
	if r.Body != nil {
		r.Body = countedBody{r.Body, &p.in}
	}
	w = countedWriter{w, &p.out}
	if f := p.fault.Load(); f != nil && (*f)(w, r, pass) {
		return
	}
	pass.ServeHTTP(w, r)
}

// Inject has f see each request first, until it is replaced; nil ends it.
func (p *Proxy) Inject(f Fault) {
	if f == nil {
		p.fault.Store(nil)
		return
	}
	p.fault.Store(&f)
}

// Requests is how many have come so far.
func (p *Proxy) Requests() int64 { return p.requests.Load() }

// BytesOut is how many bytes of bodies went to clients so far.
func (p *Proxy) BytesOut() int64 { return p.out.Load() }

// BytesIn is how many bytes of bodies came from clients so far.
func (p *Proxy) BytesIn() int64 { return p.in.Load() }

// Connections is how many were opened by clients so far.
func (p *Proxy) Connections() int64 { return p.conns.Load() }

// Setenv points the test's environment at the proxy.
func (p *Proxy) Setenv(t testing.TB) { setenv(t, p.Endpoint) }

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// countedWriter counts; Unwrap lets http.ResponseController flush and hijack.
type countedWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n.Add(int64(n))
	return n, err
}

func (w countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
