package objstore

import (
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cosmostat/constellation/pkg/fault"
)

// wantsVirtual are the codes of servers that take a bucket's name in the host's only.
var wantsVirtual = map[string]bool{
	"SecondLevelDomainForbidden": true, // Alibaba OSS
	"PathStyleDomainForbidden":   true, // Tencent COS
	"VirtualHostDomainRequired":  true, // Huawei OBS
	"InvalidPathAccess":          true, // Volcengine TOS
	"PathStyleRequestForbidden":  true,
	"PathStyleNotSupported":      true,
}

// misdirected tells what a server means that wants the request put otherwise: to
// another address, in another style, without a checksum. It is nil for all else.
func (s *s3Store) misdirected(a *answer) *fault.Error {
	refused := func(remedy string) *fault.Error {
		return &fault.Error{Kind: fault.BadInput, Code: Refused, Remedy: remedy}
	}
	message := strings.ToLower(a.message)
	switch {
	case a.status >= 400 && s.pathStyle() && (wantsVirtual[a.code] || mentions(message, "virtual host", "virtual-host", "path style", "path-style", "third level domain", "subdomain")):
		return refused("the server takes a bucket's name only in the host's: set " + s.setting("data.s3_addressing: virtual", AddressingEnv+"=virtual"))
	case a.status/100 == 3 && (a.location == "" || a.location == noLocation || a.asked == nil):
		return &fault.Error{Kind: fault.BadInput, Code: RegionMismatch, Remedy: "the bucket lies elsewhere, and the server doesn't say where: check " +
			s.setting("data.s3_region", "AWS_REGION") + " and " + s.endpointSetting()}
	case a.status/100 == 3 && (s.endpoint() != "" || a.code != "PermanentRedirect"):
		return refused(s.redirect(a))
	case a.status == http.StatusForbidden && a.asked != nil && a.asked.Response != nil:
		return &fault.Error{Kind: fault.BadInput, Code: AccessDenied, Remedy: "the server sent the request on to " + hostOf(a.asked.URL) + ", where its signature doesn't count: set " + s.endpointSetting() + " to that"}
	case sums(a.asked) && (a.status == http.StatusNotImplemented || a.status/100 == 4 && mentions(message, "checksum", "x-amz-sdk-", "unsigned-payload", "trailer")):
		return refused("the server may not know the checksums that go with what is written: set AWS_REQUEST_CHECKSUM_CALCULATION=when_required")
	}
	return nil
}

// noLocation is what the SDK puts where a redirect has none.
const noLocation = "https://amazonaws.com/badhttpredirectlocation"

// redirect is what to do about one.
func (s *s3Store) redirect(a *answer) string {
	from := a.asked.URL
	to, err := from.Parse(a.location)
	if err != nil || to.Host == "" {
		return "the server sends requests elsewhere: check " + s.endpointSetting()
	}
	bucket, _, _ := strings.Cut(strings.TrimPrefix(from.Path, "/"), "/")
	switch {
	case s.pathStyle() && to.Hostname() == bucket+"."+from.Hostname():
		return "the server takes a bucket's name only in the host's: set " + s.setting("data.s3_addressing: virtual", AddressingEnv+"=virtual")
	case to.Scheme != from.Scheme && to.Hostname() == from.Hostname():
		return "the server wants " + to.Scheme + ": set " + s.endpointSetting() + " to " + hostOf(to)
	case hostOf(to) == hostOf(from):
		return "the server sends the request on to " + to.Path + ": what answers there may not be S3; check " + s.endpointSetting()
	}
	return "the server sends requests on to " + hostOf(to) + ": set " + s.endpointSetting() + " to that if it is the right one"
}

// hostOf is the server of a URL, without user, path and query.
func hostOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// sums says whether a request said a checksum that a server may not know.
func sums(r *http.Request) bool {
	if r == nil {
		return false
	}
	for key := range r.Header {
		if key = strings.ToLower(key); strings.HasPrefix(key, "x-amz-checksum-") || key == "x-amz-sdk-checksum-algorithm" {
			return true
		}
	}
	return false
}

func mentions(message string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(message, w) {
			return true
		}
	}
	return false
}

// setting is the name of what says something about this store: a key of the
// configuration for sources, else a variable of the environment.
func (s *s3Store) setting(key, variable string) string {
	if s.cfg.Sources {
		return key
	}
	return variable
}

func (s *s3Store) endpointSetting() string {
	return s.setting("data.s3_endpoint_url", "AWS_ENDPOINT_URL")
}

// endpoint is the server that isn't AWS, where there is one.
func (s *s3Store) endpoint() string {
	if c, err := s.client(); err == nil {
		return aws.ToString(c.Options().BaseEndpoint)
	}
	return s.cfg.Endpoint
}

func (s *s3Store) pathStyle() bool {
	c, err := s.client()
	return err == nil && c.Options().UsePathStyle
}

// noBucket says where a bucket was looked for. Sources were once looked for where
// the outputs are, so whoever relied on that is told.
func (s *s3Store) noBucket() string {
	remedy := "check the bucket's name and the endpoint"
	if !s.cfg.Sources || s.cfg.Endpoint != "" {
		return remedy
	}
	for _, key := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "FLYTE_AWS_ENDPOINT"} {
		if os.Getenv(key) != "" {
			return remedy + ": AWS was asked, since data.s3_endpoint_url is empty, and " + key + " is for the outputs"
		}
	}
	return remedy
}
