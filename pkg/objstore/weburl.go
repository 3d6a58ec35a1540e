package objstore

import (
	"net"
	"net/url"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	httpsScheme = "https://"
	httpScheme  = "http://"
)

// CheckWeb refuses what is no URL of a file or directory on a web server, as
// this package reads them. The error has code InvalidURI.
func CheckWeb(uri string) error {
	_, err := webURL(uri)
	return err
}

func webURL(uri string) (*url.URL, error) {
	wrong := func(format string, a ...any) *fault.Error { return fault.Input(InvalidURI, format, a...) }
	scheme, rest, _ := strings.Cut(uri, "://")
	if strings.ContainsAny(rest, "?#") {
		bare := uri[:strings.IndexAny(uri, "?#")]
		return nil, wrong("a file's URL has no query (?) and no fragment (#)").On(bare).Fix("write %%3F or %%23 where a name has such a character, and leave a query out")
	}
	authority, path, _ := strings.Cut(rest, "/")
	if strings.Contains(authority, "@") {
		_, host, _ := strings.Cut(authority, "@")
		return nil, wrong("a URL must not hold a user or a password").On(scheme+"://...@"+host+"/"+path).Fix("leave it out: what is read over %s has to be open to everybody", scheme)
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return nil, wrong("%w", withoutURL(err)).On(uri).Fix("write https://host/path, with %%25 for a percent sign in a name")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, wrong("names no server").On(uri).Fix("write https://host/path")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, wrong("http:// is for servers on this machine only: anybody on the way could change what is read").On(uri).Fix("write https://")
	}
	for e := range strings.SplitSeq(u.Path, "/") {
		if e == "." || e == ".." {
			return nil, wrong("the path has %q in it, which servers resolve in their ways", e).On(uri).Fix("write the path without it")
		}
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// withoutURL is what net/url says but for the URL, which it repeats.
func withoutURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}
