package objstore_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func TestPublic(t *testing.T) {
	server := s3test.StartPublic(t)
	server.Bucket(t, "bucket")
	server.Setenv(t)
	signed := objstore.Open(t.Context(), objstore.Config{})
	if _, err := objstore.WriteFile(t.Context(), signed, "s3://bucket/a/b", []byte("x")); err != nil {
		t.Fatal(err)
	}
	s := objstore.Open(t.Context(), objstore.Config{Region: "us-east-1", Endpoint: server.Endpoint, Anonymous: true})
	if got, err := objstore.ReadFile(t.Context(), s, "s3://bucket/a/b"); string(got) != "x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := s.Stat(t.Context(), "s3://bucket/a/b"); err != nil || info.Size != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	n := 0
	if err := s.List(t.Context(), "s3://bucket/", func(objstore.Info) error { n++; return nil }); n != 1 || err != nil {
		t.Errorf("%d objects, %v", n, err)
	}
	_, err := s.Stat(t.Context(), "s3://bucket/no")
	isCode(t, "stat", err, fault.BadInput, objstore.NotFound, "")
	_, err = objstore.WriteFile(t.Context(), s, "s3://bucket/no", []byte("x"))
	isCode(t, "write", err, fault.BadInput, objstore.AccessDenied, "s3_no_sign_request: false")
	err = s.Delete(t.Context(), "s3://bucket/a/b")
	isCode(t, "delete", err, fault.BadInput, objstore.AccessDenied, "unsigned")
}

func TestPrivate(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Setenv(t)
	anonymous := objstore.Open(t.Context(), objstore.Config{Anonymous: true})
	_, err := objstore.ReadFile(t.Context(), anonymous, "s3://bucket/x")
	isCode(t, "unsigned", err, fault.BadInput, objstore.AccessDenied, "s3_no_sign_request: false")

	const wrong = "a-secret-that-is-wrong"
	t.Setenv("AWS_SECRET_ACCESS_KEY", wrong)
	_, err = objstore.ReadFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x")
	isCode(t, "wrong secret", err, fault.BadInput, objstore.AccessDenied, "SignatureDoesNotMatch secret")
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), wrong) {
		t.Error("the error holds the secret")
	}

	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	_, err = objstore.ReadFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x")
	isCode(t, "no credentials", err, fault.BadInput, objstore.AccessDenied, "AWS_ACCESS_KEY_ID s3_no_sign_request")
}

func TestFlyteEnvironment(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Setenv(t)
	for _, key := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(key, "")
	}
	t.Setenv("FLYTE_AWS_ENDPOINT", server.Endpoint)
	t.Setenv("FLYTE_AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("FLYTE_AWS_SECRET_ACCESS_KEY", server.SecretKey)
	if _, err := objstore.WriteFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x", []byte("x")); err != nil {
		t.Error(err)
	}
	// What AWS's own variables say goes first.
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "else")
	_, err := objstore.WriteFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x", []byte("x"))
	isCode(t, "write", err, fault.BadInput, objstore.AccessDenied, "access key")
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for endpoint, want := range map[string]struct {
		kind       fault.Kind
		code, says string
	}{
		"http://" + l.Addr().String():    {fault.Transient, objstore.ConnectionLost, "refused"},
		"http://no-such-host.invalid":    {fault.Transient, objstore.ConnectionLost, "s3_endpoint_url"},
		"localhost:9000":                 {fault.BadInput, objstore.InvalidURI, "http://host:port"},
		"http://user:password@host:9000": {fault.BadInput, objstore.InvalidURI, "credentials"},
	} {
		s := objstore.Open(t.Context(), objstore.Config{Endpoint: endpoint, Anonymous: true})
		_, err := s.Stat(t.Context(), "s3://bucket/x")
		isCode(t, endpoint, err, want.kind, want.code, want.says)
		if err != nil && strings.Contains(err.Error(), "password@") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}

func TestNoBucket(t *testing.T) {
	_, _, s := far(t)
	_, err := objstore.ReadFile(t.Context(), s, "s3://no-such-bucket/x")
	isCode(t, "read", err, fault.BadInput, objstore.BucketNotFound, "bucket")
	err = s.List(t.Context(), "s3://no-such-bucket/x", func(objstore.Info) error { return nil })
	isCode(t, "list", err, fault.BadInput, objstore.BucketNotFound, "bucket")
	_, err = objstore.WriteFile(t.Context(), s, "s3://no-such-bucket/x", []byte("x"))
	isCode(t, "write", err, fault.BadInput, objstore.BucketNotFound, "bucket")
}

func TestUserAgent(t *testing.T) {
	_, proxy, s := far(t)
	proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.Contains(r.UserAgent(), "constellation") {
			t.Errorf("the user agent is %s", r.UserAgent())
		}
		return false
	})
	if err := s.Delete(t.Context(), "s3://bucket/x"); err != nil {
		t.Error(err)
	}
}
