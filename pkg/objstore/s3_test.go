package objstore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/internal/testing/storetest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// far is a server with a bucket, seen through a proxy.
func far(t *testing.T) (*s3test.Server, *s3test.Proxy, *objstore.Mux) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	proxy := server.Proxy(t, 0)
	proxy.Setenv(t)
	return server, proxy, objstore.Open(t.Context(), objstore.Config{})
}

func isCode(t *testing.T, doing string, err error, kind fault.Kind, code, says string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("%s: %v (%s, %q), want %s, %s", doing, err, fault.KindOf(err), fault.CodeOf(err), kind, code)
		return
	}
	for _, word := range append(strings.Fields(says), "s3://") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q does not say %q", doing, err, word)
		}
	}
}

// breakAfter passes an answer on up to n bytes of its body, then breaks the
// connection; it does so for the first GETs, as many as there are in n.
func breakAfter(n ...int) s3test.Fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		i := int(count.Add(1)) - 1
		if r.Method != http.MethodGet || i >= len(n) {
			return false
		}
		pass.ServeHTTP(&breaking{w, n[i]}, r)
		return true
	}
}

type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if len(p) > b.left {
		b.ResponseWriter.Write(p[:b.left])
		http.NewResponseController(b.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}

func TestResume(t *testing.T) {
	_, proxy, s := far(t)
	data := storetest.Bytes(1, 3<<20)
	info, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", data)
	if err != nil {
		t.Fatal(err)
	}
	before := s.Usage().Requests
	proxy.Inject(breakAfter(1000, 0, 1<<20, 7))
	body, err := s.Get(t.Context(), info.URI, "", objstore.Range{Offset: 100, Length: 3<<20 - 200})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, data[100:3<<20-100]) {
		t.Errorf("%d bytes, %v, or other ones", len(got), err)
	}
	if n := s.Usage().Requests - before; n != 5 {
		t.Errorf("%d requests for four breaks", n)
	}
}

func TestResumeGivesUp(t *testing.T) {
	_, proxy, s := far(t)
	if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", storetest.Bytes(1, 1<<20)); err != nil {
		t.Fatal(err)
	}
	proxy.Inject(breakAfter(10, 10, 10, 10, 10, 10, 10, 10, 10, 10))
	_, err := objstore.ReadFile(t.Context(), s, "s3://bucket/x")
	isCode(t, "read", err, fault.Transient, objstore.ConnectionLost, "s3://bucket/x byte 60")
}

func TestResumeOfReplaced(t *testing.T) {
	_, proxy, s := far(t)
	if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", storetest.Bytes(1, 1<<20)); err != nil {
		t.Fatal(err)
	}
	proxy.Inject(breakAfter(1000))
	body, err := s.Get(t.Context(), "s3://bucket/x", "", objstore.Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", storetest.Bytes(2, 1<<20)); err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(body)
	isCode(t, "read", err, fault.BadInput, objstore.ObjectChanged, "s3://bucket/x")
}

// answer makes a fault that answers the first n requests like S3 does.
func answer(n int64, status int, code string, header ...string) s3test.Fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if count.Add(1) > n {
			return false
		}
		io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>the words may change</Message></Error>", code)
		}
		return true
	}
}

func TestAnswers(t *testing.T) {
	_, proxy, _ := far(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "1") // TestRetry has the retries
	s := objstore.Open(t.Context(), objstore.Config{})
	for _, test := range []struct {
		status     int
		code       string
		header     []string
		kind       fault.Kind
		want, says string
	}{
		{503, "SlowDown", nil, fault.Transient, objstore.Throttled, "SlowDown"},
		{503, "", nil, fault.Transient, objstore.Throttled, "503"},
		{429, "TooManyRequestsException", nil, fault.Transient, objstore.Throttled, "429"},
		{500, "InternalError", nil, fault.Transient, objstore.ServerError, "InternalError"},
		{502, "", nil, fault.Transient, objstore.ServerError, "502"},
		{403, "AccessDenied", nil, fault.BadInput, objstore.AccessDenied, "AccessDenied credentials"},
		{400, "ExpiredToken", nil, fault.BadInput, objstore.AccessDenied, "renew"},
		{404, "NoSuchKey", nil, fault.BadInput, objstore.NotFound, ""},
		{404, "NoSuchBucket", nil, fault.BadInput, objstore.BucketNotFound, "bucket"},
		{412, "PreconditionFailed", nil, fault.BadInput, objstore.ObjectChanged, "again"},
		{301, "PermanentRedirect", []string{"X-Amz-Bucket-Region", "eu-west-3"}, fault.BadInput, objstore.RegionMismatch, "eu-west-3"},
		{400, "AuthorizationHeaderMalformed", []string{"X-Amz-Bucket-Region", "eu-west-3"}, fault.BadInput, objstore.RegionMismatch, "eu-west-3"},
		{400, "AuthorizationHeaderMalformed", nil, fault.BadInput, objstore.RegionMismatch, "region"},
		{400, "InvalidRequest", nil, fault.BadInput, objstore.Refused, "InvalidRequest"},
		{507, "InsufficientStorage", nil, fault.BadInput, objstore.NotWritable, "space"},
	} {
		proxy.Inject(answer(1000, test.status, test.code, test.header...))
		_, err := objstore.ReadFile(t.Context(), s, "s3://bucket/x")
		isCode(t, test.code, err, test.kind, test.want, test.says)
	}
	// HEAD has no body, so its status alone has to do.
	for status, want := range map[int]string{404: objstore.NotFound, 403: objstore.AccessDenied, 503: objstore.Throttled, 500: objstore.ServerError, 301: objstore.RegionMismatch} {
		proxy.Inject(answer(1000, status, ""))
		if _, err := s.Stat(t.Context(), "s3://bucket/x"); fault.CodeOf(err) != want {
			t.Errorf("HEAD %d: %v (%s)", status, err, fault.CodeOf(err))
		}
	}
}

func TestRetry(t *testing.T) {
	_, proxy, s := far(t)
	data := storetest.Bytes(1, 1000)
	for status, code := range map[int]string{503: "SlowDown", 500: "InternalError"} {
		proxy.Inject(answer(1, status, code))
		before := s.Usage()
		if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", data); err != nil {
			t.Fatal(err)
		}
		if u := s.Usage().Sub(before); u.Requests != 2 || u.BytesWritten != 2000 {
			t.Errorf("used %+v for a write that was answered %s once", u, code)
		}
	}
	if got, err := objstore.ReadFile(t.Context(), s, "s3://bucket/x"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestListPages(t *testing.T) {
	server, proxy, s := far(t)
	dir := server.Bucket(t, "bucket")
	for i := range 2500 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d", i)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	err := s.List(t.Context(), "s3://bucket/", func(i objstore.Info) error {
		if i.URI != fmt.Sprintf("s3://bucket/%04d", n) || i.ETag == "" {
			t.Errorf("object %d is %+v", n, i)
		}
		n++
		return nil
	})
	if n != 2500 || err != nil || proxy.Requests() != 3 {
		t.Errorf("%d objects, %v, %d requests", n, err, proxy.Requests())
	}
}

// A server's files that came by other means can be read conditionally too.
func TestDroppedFile(t *testing.T) {
	server, _, s := far(t)
	path := filepath.Join(server.Bucket(t, "bucket"), "x")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	info, err := s.Stat(t.Context(), "s3://bucket/x")
	if err != nil || info.ETag == "" {
		t.Fatalf("%+v, %v", info, err)
	}
	if body, err := s.Get(t.Context(), info.URI, info.ETag, objstore.Whole); err != nil {
		t.Error(err)
	} else {
		body.Close()
	}
	if err := os.WriteFile(path, []byte("newer"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = s.Get(t.Context(), info.URI, info.ETag, objstore.Whole)
	isCode(t, "read", err, fault.BadInput, objstore.ObjectChanged, "x")
}

// Range reads keep their connections: one after the other on one, many at a
// time on as many, and again on the same.
func TestConnections(t *testing.T) {
	_, proxy, s := far(t)
	info, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	r, p := objstore.ReaderAt(t.Context(), s, info), make([]byte, 8640)
	for i := range 50 {
		if _, err := r.ReadAt(p, int64(i)*10_000); err != nil {
			t.Fatal(err)
		}
	}
	if n := proxy.Connections(); n != 1 {
		t.Errorf("%d connections for reads one after the other", n)
	}
	const parallel = 64
	var g errgroup.Group
	g.SetLimit(parallel)
	for i := range 1000 {
		g.Go(func() error {
			_, err := r.ReadAt(make([]byte, 8640), int64(i)*1000)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	// The transport may dial for a request that an idle connection then serves.
	if n := proxy.Connections(); n > 2*parallel {
		t.Errorf("%d connections for %d reads at a time", n, parallel)
	}
}

func BenchmarkS3(b *testing.B) {
	server := s3test.Start(b)
	server.Bucket(b, "bucket")
	server.Setenv(b)
	s := objstore.Open(b.Context(), objstore.Config{})
	data := make([]byte, 256<<20)
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := objstore.WriteFile(b.Context(), s, "s3://bucket/x", data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			body, err := s.Get(b.Context(), "s3://bucket/x", "", objstore.Whole)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, make([]byte, 256<<10)); err != nil {
				b.Fatal(err)
			}
			body.Close()
		}
	})
	b.Run("range", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			body, err := s.Get(b.Context(), "s3://bucket/x", "", objstore.Range{Offset: 1 << 20, Length: 8640})
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, body)
			body.Close()
		}
	})
}
