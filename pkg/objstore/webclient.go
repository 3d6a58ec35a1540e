package objstore

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"

	"github.com/cosmostat/constellation/pkg/fault"
)

// mostRedirects is how often a request may be sent on.
const mostRedirects = 10

// newWebClient is one connection pool for all web servers. Certificates are those
// of the system, or of SSL_CERT_FILE and SSL_CERT_DIR; HTTPS_PROXY and NO_PROXY count.
// Each request has a connection of its own, as with S3: ranges of many files in
// one of HTTP/2 would wait for each other.
func newWebClient(m *meter) (doer, error) {
	stall, err := patience()
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.TLSNextProto, t.ForceAttemptHTTP2 = nil, false // the clone offers HTTP/2
	// Sessions go on in later connections: of a hundred at a time each would else check the certificate.
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 2*idlePerHost, idlePerHost
	t.MaxResponseHeaderBytes = 1 << 20
	t.DisableCompression = true
	t.OnProxyConnectResponse = proxyAnswer
	watchWrites(t, stall)
	client := &http.Client{Transport: countedTransport{t, m}, CheckRedirect: checkRedirect}
	return patientClient{client, stall}, nil
}

// countedTransport counts each request, redirected ones too.
type countedTransport struct {
	base  http.RoundTripper
	meter *meter
}

func (c countedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	c.meter.requests.Add(1)
	resp, err := c.base.RoundTrip(req)
	if resp != nil && resp.Body != nil {
		resp.Body = countedReader{resp.Body, c.meter}
	}
	return resp, err
}

// checkRedirect follows to where what is read can't be changed on the way, and
// never for ever. No request has credentials that could go along.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[len(via)-1].URL, req.URL
	refused := func(format string, a ...any) error {
		return fault.Input(Refused, format, a...).Fix("give the URL that the files are at")
	}
	req.Header.Del("Referer")
	switch {
	case to.User != nil:
		return refused("%s redirects to a URL with a user or a password at %s", hostOf(from), to.Host)
	case to.Scheme != "https" && to.Scheme != "http":
		return refused("%s redirects to a %q URL", hostOf(from), to.Scheme)
	case to.Scheme == "http" && (from.Scheme == "https" || !isLoopback(to.Hostname())):
		return refused("%s redirects to %s, and anybody on the way there could change what is read", hostOf(from), hostOf(to))
	case len(via) > mostRedirects:
		return refused("the request was redirected %d times", mostRedirects)
	}
	for _, r := range via {
		if r.URL.String() == to.String() {
			return refused("the server redirects in a circle, by %s%s", hostOf(to), to.EscapedPath())
		}
	}
	return nil
}

// proxyAnswer says what a proxy means that doesn't connect.
func proxyAnswer(_ context.Context, proxy *url.URL, req *http.Request, resp *http.Response) error {
	where := "the proxy " + hostOf(proxy)
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return fault.Input(AccessDenied, "%s wants a user and a password", where).Fix("put them into HTTPS_PROXY, or name %s in NO_PROXY", req.URL.Hostname())
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return fault.Passing(ConnectionLost, "%s can't connect to %s [HTTP %d]", where, req.Host, resp.StatusCode)
	}
	return fault.Input(AccessDenied, "%s doesn't connect to %s [HTTP %d]", where, req.Host, resp.StatusCode).Fix("have it allowed there, or change HTTPS_PROXY or NO_PROXY")
}
