package objstore_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// without takes credentials and endpoints out of the environment again.
func without(t *testing.T, keys ...string) {
	for _, key := range keys {
		t.Setenv(key, "")
		os.Unsetenv(key) // t.Setenv brings the old value back
	}
}

// A profile gives endpoint, region and credentials, as it does for every AWS tool.
func TestProfile(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Setenv(t)
	without(t, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config":      fmt.Sprintf("[profile survey]\nregion = us-east-1\nendpoint_url = %s\n", server.Endpoint),
		"credentials": fmt.Sprintf("[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n[survey]\naws_access_key_id = %s\naws_secret_access_key = %s\n", server.AccessKey, server.SecretKey),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_PROFILE", "survey")
	if _, err := objstore.WriteFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x", []byte("x")); err != nil {
		t.Error(err)
	}
	t.Setenv("AWS_PROFILE", "nowhere")
	_, err := objstore.ReadFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x")
	isCode(t, "no such profile", err, fault.BadInput, objstore.AccessDenied, "nowhere AWS_")
}

// sts answers AssumeRoleWithWebIdentity, as IRSA's pods call it.
func sts(t *testing.T, lifetime time.Duration) (endpoint string, calls *atomic.Int64) {
	calls = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		if r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("WebIdentityToken") != "the-pod's-token" || r.FormValue("RoleArn") != "arn:aws:iam::1:role/shear" {
			t.Errorf("STS was asked %v", r.Form)
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>temporary</SecretAccessKey><SessionToken>session-%d</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, n, n, time.Now().Add(lifetime).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

// recorder is a store that answers everything the same, and keeps what it was asked.
type recorder struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func record(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *recorder {
	rec := &recorder{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec.mu.Lock()
		rec.requests = append(rec.requests, r)
		rec.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(rec.Close)
	return rec
}

// Web identity: the token in a file buys credentials, which sign requests and
// are bought again before they end.
func TestWebIdentity(t *testing.T) {
	for name, test := range map[string]struct {
		lifetime time.Duration
		calls    int64
	}{"lasting": {time.Hour, 1}, "ended": {-time.Second, 3}} {
		t.Run(name, func(t *testing.T) {
			store := record(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e"`) })
			endpoint, calls := sts(t, test.lifetime)
			for _, kv := range s3test.Env(store.URL) {
				key, value, _ := strings.Cut(kv, "=")
				t.Setenv(key, value)
			}
			without(t, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")
			token := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(token, []byte("the-pod's-token"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/shear")
			t.Setenv("AWS_ENDPOINT_URL_STS", endpoint)
			s := objstore.Open(t.Context(), objstore.Config{})
			for range 3 {
				if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			if n := calls.Load(); n != test.calls {
				t.Errorf("%d calls of STS, want %d", n, test.calls)
			}
			last := store.requests[len(store.requests)-1]
			if got := last.Header.Get("X-Amz-Security-Token"); got != fmt.Sprintf("session-%d", test.calls) {
				t.Errorf("the token is %q", got)
			}
			if !strings.Contains(last.Header.Get("Authorization"), fmt.Sprintf("Credential=ASIA%d/", test.calls)) {
				t.Error("the request is signed by somebody else")
			}
		})
	}
}

// An unsigned request is one: no signature, no credentials looked for.
func TestUnsigned(t *testing.T) {
	store := record(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") })
	for _, kv := range s3test.Env(store.URL) {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	s := objstore.Open(t.Context(), objstore.Config{Anonymous: true})
	if _, err := s.Stat(t.Context(), "s3://bucket/x"); err != nil {
		t.Fatal(err)
	}
	for name := range store.requests[0].Header {
		if strings.Contains(name, "Authorization") || strings.Contains(name, "Security-Token") {
			t.Errorf("an unsigned request has %s", name)
		}
	}
	if store.requests[0].URL.Path != "/bucket/x" {
		t.Errorf("not path style: %s", store.requests[0].URL)
	}
}

// S3 Express One Zone: sessions instead of signatures by the account, storage
// class where it is set, listings by directory that come in no order.
func TestDirectoryBucket(t *testing.T) {
	const bucket = "stage--use1-az4--x-s3"
	store := record(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Has("session"):
			fmt.Fprintf(w, `<CreateSessionResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Credentials><AccessKeyId>EXPRESS</AccessKeyId>
<SecretAccessKey>s</SecretAccessKey><SessionToken>express-session</SessionToken><Expiration>%s</Expiration></Credentials></CreateSessionResult>`, time.Now().Add(5*time.Minute).UTC().Format(time.RFC3339))
		case r.URL.Query().Get("list-type") == "2":
			fmt.Fprint(w, `<ListBucketResult><IsTruncated>false</IsTruncated>
<Contents><Key>run/b</Key><ETag>"b"</ETag><Size>1</Size></Contents><Contents><Key>run/ab</Key><ETag>"ab"</ETag><Size>2</Size></Contents><Contents><Key>run/aa</Key><ETag>"aa"</ETag><Size>3</Size></Contents></ListBucketResult>`)
		default:
			w.Header().Set("ETag", `"e"`)
		}
	})
	for _, kv := range s3test.Env(store.URL) {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	m := objstore.Open(t.Context(), objstore.Config{})
	s := objstore.InClass(m, "EXPRESS_ONEZONE")
	if _, err := objstore.WriteFile(t.Context(), s, "s3://"+bucket+"/run/x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	var uris []string
	if err := s.List(t.Context(), "s3://"+bucket+"/run/a", func(i objstore.Info) error { uris = append(uris, i.URI); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"s3://" + bucket + "/run/aa", "s3://" + bucket + "/run/ab"}; !slices.Equal(uris, want) {
		t.Errorf("listed %v, want %v", uris, want)
	}
	sessions := 0
	for _, r := range store.requests {
		if r.URL.Query().Has("session") {
			sessions++
			continue
		}
		if r.Header.Get("X-Amz-S3session-Token") != "express-session" {
			t.Errorf("%s %s is in no session", r.Method, r.URL)
		}
		if p := r.URL.Query().Get("prefix"); r.URL.Query().Has("prefix") && p != "run/" {
			t.Errorf("listed the prefix %q, which a directory bucket refuses", p)
		}
		if r.Method == http.MethodPut && r.Header.Get("X-Amz-Storage-Class") != "EXPRESS_ONEZONE" {
			t.Errorf("the storage class is %q", r.Header.Get("X-Amz-Storage-Class"))
		}
	}
	if sessions != 1 {
		t.Errorf("%d sessions", sessions)
	}
	if m.Usage().Requests != int64(len(store.requests)) {
		t.Errorf("the store counts %d requests of %d", m.Usage().Requests, len(store.requests))
	}
}

// A multipart upload begins in its class.
func TestStorageClassOfParts(t *testing.T) {
	_, proxy, m := far(t)
	var class atomic.Value
	proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Query().Has("uploads") {
			class.Store(r.Header.Get("X-Amz-Storage-Class"))
		}
		return false
	})
	for _, want := range []string{"STANDARD_IA", ""} {
		if _, err := objstore.WriteFile(t.Context(), objstore.InClass(m, want), "s3://bucket/x", make([]byte, 9<<20)); err != nil {
			t.Fatal(err)
		}
		if class.Load() != want {
			t.Errorf("the class is %q, want %q", class.Load(), want)
		}
	}
}

// An object that its store gives no ETag is held to when it was written: one
// that replaces it is found out, as it is read and as it is listed.
func TestNoETag(t *testing.T) {
	server, _, s := far(t)
	path := filepath.Join(server.Dir, "bucket", "dropped")
	drop := func(text string, when time.Time) objstore.Info {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		info, err := s.Stat(t.Context(), "s3://bucket/dropped")
		if err != nil {
			t.Fatal(err)
		}
		err = s.List(t.Context(), "s3://bucket/", func(l objstore.Info) error {
			if l.ETag != info.ETag {
				t.Errorf("listed as %q, it is %q", l.ETag, info.ETag)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	day := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	first := drop("one of them", day)
	if first.ETag == "" {
		t.Fatal("it is known by nothing")
	}
	get := func(etag string) error {
		body, err := s.Get(t.Context(), "s3://bucket/dropped", etag, objstore.Range{Offset: 1, Length: 3})
		if err == nil {
			body.Close()
		}
		return err
	}
	if err := get(first.ETag); err != nil {
		t.Error(err)
	}
	for _, when := range []time.Time{day.Add(time.Second), day.Add(-time.Hour)} {
		second := drop("another one", when)
		isCode(t, "replaced", get(first.ETag), fault.BadInput, objstore.ObjectChanged, "s3://bucket/dropped")
		if err := get(second.ETag); err != nil {
			t.Error(err)
		}
	}
}
