package objstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cosmostat/constellation/pkg/fault"
)

// answer is what the server said, in one short line; the SDK's whole error
// stays reachable below it.
type answer struct {
	status                   int
	code, message, requestID string
	region                   string // the bucket's, where the server names it
	asked                    *http.Request
	location                 string // where a redirect leads to
	err                      error
}

func (a *answer) Error() string {
	var b strings.Builder
	if a.code != "" {
		b.WriteString(a.code)
	} else {
		b.WriteString("refused")
	}
	if a.message != "" && a.message != a.code {
		b.WriteString(": " + a.message)
	}
	if a.status != 0 {
		fmt.Fprintf(&b, " [HTTP %d]", a.status)
	}
	if a.requestID != "" {
		b.WriteString(" [request " + a.requestID + "]")
	}
	return b.String()
}

func (a *answer) Unwrap() error { return a.err }

// answerOf reads an SDK error: what the API said, else the bare HTTP status.
// ok is false where no answer came at all.
func answerOf(err error) (a *answer, ok bool) {
	a = &answer{err: err}
	var api smithy.APIError
	if errors.As(err, &api) {
		a.code, a.message, ok = api.ErrorCode(), api.ErrorMessage(), true
	}
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		a.requestID = resp.ServiceRequestID()
	}
	var said *smithyhttp.ResponseError
	if errors.As(err, &said) && said.Response != nil && said.HTTPStatusCode() != 0 {
		a.status, ok = said.HTTPStatusCode(), true
		a.region, a.location, a.asked = said.Response.Header.Get("X-Amz-Bucket-Region"), said.Response.Header.Get("Location"), said.Response.Request
	}
	return a, ok
}

// fail classifies an error of the SDK by its code and HTTP status, never by
// its text.
func (s *s3Store) fail(ctx context.Context, doing, uri string, err error) error {
	if err == nil {
		return nil
	}
	if stop := stopped(ctx, doing, uri); stop != nil {
		return stop
	}
	var known *fault.Error
	if errors.As(err, &known) {
		f := *known
		return f.On(uri)
	}
	a, ok := answerOf(err)
	if !ok {
		return lost(doing, uri, err)
	}
	f := s.classify(a)
	f.Err = fmt.Errorf("%s: %w", doing, a)
	return f.On(uri)
}

// lost is what to say where no answer came, or half of one.
func lost(doing, uri string, err error) error {
	cause := err
	var sent *url.Error // around it, the SDK repeats what we say ourselves, and an empty answer
	if errors.As(err, &sent) {
		cause = fmt.Errorf("%s: %w", sent.URL[:strings.IndexByte(sent.URL+"?", '?')], sent.Err)
	}
	f := fault.Passing(ConnectionLost, "%s: the connection to the store failed: %w", doing, cause).On(uri)
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Fix("check the endpoint (AWS_ENDPOINT_URL, s3_endpoint_url): nobody listens there")
	case errors.As(err, &dns) && dns.IsNotFound:
		f.Fix("check the endpoint (AWS_ENDPOINT_URL, s3_endpoint_url) and the network: there is no host %s; where that begins with the bucket's name and shouldn't, s3_addressing: path (%s=path for outputs) leaves it out", dns.Name, AddressingEnv)
	}
	return f
}

func (s *s3Store) classify(a *answer) *fault.Error {
	input := func(code, remedy string) *fault.Error {
		return &fault.Error{Kind: fault.BadInput, Code: code, Remedy: remedy}
	}
	passing := func(code string) *fault.Error { return &fault.Error{Kind: fault.Transient, Code: code} }

	if elsewhere := a.region != "" && a.region != s.region(); elsewhere && (a.status/100 == 3 || a.status == http.StatusBadRequest) {
		return input(RegionMismatch, "the bucket lies in "+a.region+": set "+s.setting("data.s3_region", "AWS_REGION")+" to it")
	}
	if f := s.misdirected(a); f != nil {
		return f
	}
	switch a.code {
	case "NoSuchBucket":
		return input(BucketNotFound, s.noBucket())
	case "NoSuchUpload":
		// Somebody ended our upload, or its completion went through unheard: either way it is to be done again.
		return passing(ServerError)
	case "InvalidBucketName", "KeyTooLongError", "InvalidURI":
		return input(InvalidURI, "")
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return input(RegionMismatch, "the bucket lies in another region: set "+s.setting("data.s3_region", "AWS_REGION")+" to it")
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return input(AccessDenied, "the credentials have expired: renew them")
	case "InvalidAccessKeyId", "XAdminUserNotFound", "SignatureDoesNotMatch", "InvalidToken":
		return input(AccessDenied, "check the access key and its secret")
	case "RequestTimeTooSkewed":
		return input(AccessDenied, "set this machine's clock")
	case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull":
		return input(NotWritable, "free space, or write elsewhere")
	case "RequestTimeout", "IncompleteBody":
		return passing(ConnectionLost)
	case "OperationAborted", "ConditionalRequestConflict", "InternalError", "BadDigest", "XAmzContentSHA256Mismatch":
		return passing(ServerError)
	case "PreconditionFailed":
		return input(ObjectChanged, "the object was replaced since it was indexed: index again and re-run, with a new file list if data.files names one")
	}
	if _, throttled := retry.DefaultThrottleErrorCodes[a.code]; throttled {
		return passing(Throttled)
	}
	switch {
	case a.status == http.StatusNotFound:
		return input(NotFound, "")
	case a.status == http.StatusForbidden, a.status == http.StatusUnauthorized:
		return input(AccessDenied, s.denied())
	case a.status == http.StatusPreconditionFailed:
		return input(ObjectChanged, "the object was replaced since it was indexed: index again and re-run, with a new file list if data.files names one")
	case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable:
		return passing(Throttled)
	case a.status == http.StatusInsufficientStorage:
		return input(NotWritable, "free space, or write elsewhere")
	case a.status == http.StatusRequestTimeout:
		return passing(ConnectionLost)
	case a.status == http.StatusNotImplemented:
		return input(Refused, "the server doesn't know this request: read or write on another server, or update it")
	case a.status >= 500, a.status/100 == 2:
		return passing(ServerError) // a 2xx that is an error has a body that makes no sense
	}
	return input(Refused, "")
}

// denied says whose permission is missing.
func (s *s3Store) denied() string {
	if s.cfg.Anonymous && s.endpoint() != "" {
		return "the bucket does not allow this unsigned: set s3_no_sign_request: false and give credentials; or, where the server wants a bucket's name in the host's, s3_addressing: virtual"
	}
	if s.cfg.Anonymous {
		return "the bucket does not allow this unsigned: set s3_no_sign_request: false and give credentials"
	}
	return "check that the credentials may do this here; a missing object looks the same to those who may not list the bucket"
}
