package objstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// mostWait is how long a server may ask to be left alone for; beyond it is the caller's.
	mostWait = time.Minute
	// mostDrained is read of an answer that nobody wants, so that its connection can be used again.
	mostDrained = 64 << 10
)

// byName is the remedy for what can't be listed.
const byName = "name the files in a list (data.files), or take another server"

// webAnswer is what a web server said.
type webAnswer struct {
	*http.Response
	doing, uri string
	instead    error // of a range came all of the object: what that is if it is no accident
}

func (a *webAnswer) drain() {
	_, _ = io.CopyN(io.Discard, a.Body, mostDrained) // its end is of no interest
	a.Body.Close()
}

// again says whether to send a request another time, and when.
func (a *webAnswer) again(try int, err error) (time.Duration, bool) {
	// As long as the S3 client waits: up to 1, 2, 4 ... 20 seconds where the server
	// asks for fewer requests, and an eighth of that where something broke.
	limit := min(time.Second<<(try-1), 20*time.Second)
	throttled := false
	switch {
	case err != nil:
		if !passes(err) {
			return 0, false
		}
	case a.StatusCode == http.StatusTooManyRequests, a.StatusCode == http.StatusServiceUnavailable:
		throttled = true
	case a.StatusCode == http.StatusRequestTimeout, a.StatusCode == http.StatusTooEarly,
		a.StatusCode >= 500 && a.StatusCode != http.StatusNotImplemented && a.StatusCode != http.StatusHTTPVersionNotSupported:
	default:
		return 0, false
	}
	if try >= maxAttempts {
		return 0, false
	}
	if !throttled {
		limit /= 8
	} else if asked := a.retryAfter(); asked > 0 {
		return asked, asked <= mostWait
	}
	return rand.N(limit), true
}

// retryAfter is how long the server asks to be left alone for; 0: it doesn't say.
func (a *webAnswer) retryAfter() time.Duration {
	said := a.Header.Get("Retry-After")
	if n, err := strconv.ParseInt(said, 10, 32); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	if t, err := http.ParseTime(said); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

// passes says whether a connection that failed may come about the next time.
func passes(err error) bool {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Kind == fault.Transient
	}
	var dns *net.DNSError
	return !(untrusted(err) || errors.As(err, &dns) && dns.IsNotFound)
}

// untrusted says whether the server isn't who it should be, or speaks no TLS.
func untrusted(err error) bool {
	var (
		cert  *tls.CertificateVerificationError
		host  x509.HostnameError
		plain tls.RecordHeaderError
		alert tls.AlertError
	)
	return errors.As(err, &cert) || errors.As(err, &host) || errors.As(err, &plain) || errors.As(err, &alert) || errors.Is(err, http.ErrSchemeMismatch)
}

// webLost is what to say where no answer came.
func webLost(doing, uri string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		f := *known
		f.Err = fmt.Errorf("%s: %w", doing, known.Err)
		return f.On(uri)
	}
	where, cause := "", err
	var sent *url.Error // repeats the URL, and after a redirect one that may hold a signature
	if errors.As(err, &sent) {
		if cause = sent.Err; sent.URL != "" {
			if u, err := url.Parse(sent.URL); err == nil {
				where = hostOf(u) + ": "
			}
		}
	}
	if untrusted(err) {
		return fault.Input(AccessDenied, "%s: no safe connection: %s%w", doing, where, cause).On(uri).
			Fix("check the URL; where the certificate is one of your own, SSL_CERT_FILE names a file that holds its authority's")
	}
	f := fault.Passing(ConnectionLost, "%s: the connection to the server failed: %s%w", doing, where, cause).On(uri)
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Fix("check the URL and the proxy (HTTPS_PROXY): nobody listens there")
	case errors.As(err, &dns) && dns.IsNotFound:
		f.Fix("check the URL and the network: there is no host %s", dns.Name)
	}
	return f
}

// refusal is what an answer means that is not what was asked for.
func (a *webAnswer) refusal() error {
	said := fmt.Errorf("%s: the server answers %q", a.doing, a.Status)
	f := &fault.Error{Kind: fault.BadInput, Code: Refused, Object: a.uri, Err: said}
	passing := func(code string) error { f.Kind, f.Code = fault.Transient, code; return f }
	switch s := a.StatusCode; {
	case s == http.StatusNotFound, s == http.StatusGone:
		return notFound(a.uri)
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		f.Code = AccessDenied
		return f.Fix("the server doesn't give this to everybody: credentials are not sent; take a public copy, or one in S3")
	case s == http.StatusProxyAuthRequired:
		f.Code = AccessDenied
		return f.Fix("put the proxy's user and password into HTTPS_PROXY")
	case s == http.StatusPreconditionFailed:
		return changed(a.uri)
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable:
		if asked := a.retryAfter(); asked > mostWait {
			f.Err = fmt.Errorf("%w, and asks to be left alone for %s", said, asked.Round(time.Second))
		}
		return passing(Throttled)
	case s == http.StatusRequestTimeout:
		return passing(ConnectionLost)
	case s == http.StatusNotImplemented, s == http.StatusHTTPVersionNotSupported:
	case s >= 500, s == http.StatusTooEarly:
		return passing(ServerError)
	}
	return f.Fix("check the URL: the server has no file to read there")
}

// plain refuses an answer whose bytes are not the file's.
func (a *webAnswer) plain() error {
	name := strings.ToLower(Base(a.uri))
	for _, coding := range strings.Split(strings.Join(a.Header.Values("Content-Encoding"), ","), ",") {
		switch coding = strings.ToLower(strings.TrimSpace(coding)); {
		case coding == "", coding == "identity":
		case (coding == "gzip" || coding == "x-gzip") && strings.HasSuffix(name, ".gz"): // how servers label a file that is one
		default:
			return a.unusable(fmt.Sprintf("it is encoded for the way (Content-Encoding: %q), though that was declined: its bytes are not the file's", coding))
		}
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if (kind == "text/html" || kind == "application/xhtml+xml") && !strings.HasSuffix(name, ".html") && !strings.HasSuffix(name, ".htm") {
		return a.unusable(fmt.Sprintf("it is a web page (Content-Type: %q), such as those for logging in or of errors", kind))
	}
	return nil
}

// unusable refuses an answer by what it lacks or has.
func (a *webAnswer) unusable(why string) error {
	if to := a.Request.URL; a.Request.Response != nil {
		why += fmt.Sprintf("; it comes from %s%s, to which the request was redirected", hostOf(to), to.EscapedPath())
	}
	return fault.Input(Refused, "%s: the server's answer can't be used: %s", a.doing, why).On(a.uri).
		Fix("check the URL; have the server serve the files as they are, or copy them to S3 or a directory")
}

// ignoresRanges is what to say of a server that sends whole files only.
func (a *webAnswer) ignoresRanges(r Range) error {
	return fault.Input(Refused, "%s: the server ignores ranges: it sent all %d bytes when asked for %s (Accept-Ranges: %q)", a.doing, a.ContentLength, r.header(), a.Header.Get("Accept-Ranges")).On(a.uri).
		Fix("have the server answer ranges, as Apache and nginx do of themselves, or copy the files to S3 or a directory")
}
