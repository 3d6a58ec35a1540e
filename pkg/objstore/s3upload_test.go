package objstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func TestUploadFails(t *testing.T) {
	_, proxy, s := far(t)
	var part, aborts atomic.Int64
	proxy.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		countAborts(r, &aborts)
		if !r.URL.Query().Has("partNumber") || part.Add(1) != 2 {
			return false
		}
		return answer(1, 403, "AccessDenied")(w, r, nil)
	})
	u, err := s.Create(t.Context(), "s3://bucket/x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Write(make([]byte, 40<<20))
	if err == nil {
		_, err = u.Commit()
	}
	isCode(t, "write", err, fault.BadInput, objstore.AccessDenied, "s3://bucket/x")
	if _, again := u.Commit(); again != err {
		t.Errorf("then Commit says %v", again)
	}
	u.Abort()
	isEmpty(t, s, &aborts)
}

// isEmpty holds that no object came of an upload, and that the server was
// told to forget its parts.
func isEmpty(t *testing.T, s *objstore.Mux, aborts *atomic.Int64) {
	t.Helper()
	if err := s.List(context.Background(), "s3://bucket/", func(i objstore.Info) error { return errors.New(i.URI) }); err != nil {
		t.Errorf("left: %v", err)
	}
	// More than one where the server was still busy with a part, and said so.
	if n := aborts.Load(); n < 1 {
		t.Errorf("%d requests to end the upload", n)
	}
	var left []objstore.Unfinished
	err := s.Unfinished(context.Background(), "s3://bucket/", func(u objstore.Unfinished) error {
		left = append(left, u)
		return nil
	})
	if err != nil || len(left) > 0 {
		t.Errorf("the server holds parts of %v (%v)", left, err)
	}
}

func countAborts(r *http.Request, n *atomic.Int64) {
	if r.Method == http.MethodDelete && r.URL.Query().Has("uploadId") {
		n.Add(1)
	}
}

// flipped is a body in which a bit changes on its way.
type flipped struct{ io.ReadCloser }

func (f flipped) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 {
		p[n/2] ^= 4
	}
	return n, err
}

// What changes on its way to the server is sent again, objects of one part and of several.
func TestUploadDamaged(t *testing.T) {
	_, proxy, s := far(t)
	var damaged, refused atomic.Int64
	proxy.Inject(func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		if r.Method != http.MethodPut || damaged.Add(1)%2 == 0 {
			return false
		}
		said := httptest.NewRecorder()
		r.Body = flipped{r.Body}
		pass.ServeHTTP(said, r)
		if said.Code >= 400 {
			refused.Add(1)
		}
		maps.Copy(w.Header(), said.Header())
		w.WriteHeader(said.Code)
		w.Write(said.Body.Bytes())
		return true
	})
	for _, size := range []int{1000, 12 << 20} {
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", data); err != nil {
			t.Fatal(err)
		}
		if got, err := objstore.ReadFile(t.Context(), s, "s3://bucket/x"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back otherwise, %v", size, err)
		}
	}
	if refused.Load() == 0 {
		t.Error("the server took everything")
	}
}

func TestUploadStopped(t *testing.T) {
	_, proxy, s := far(t)
	var aborts atomic.Int64
	proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		countAborts(r, &aborts)
		return false
	})
	ctx, cancel := context.WithCancel(t.Context())
	u, err := s.Create(ctx, "s3://bucket/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(make([]byte, 30<<20)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := u.Commit(); fault.KindOf(err) != fault.Canceled {
		t.Errorf("Commit after a stop: %v", err)
	}
	u.Abort()
	isEmpty(t, s, &aborts)
}

func TestUploadRequests(t *testing.T) {
	_, proxy, s := far(t)
	u, err := s.Create(t.Context(), "s3://bucket/x")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Abort()
	if _, err := u.Write(make([]byte, 12<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := proxy.Requests(); n != 5 || n != s.Usage().Requests {
		t.Errorf("%d requests for three parts, the store counts %+v", n, s.Usage())
	}
	if n := proxy.BytesIn(); n != s.Usage().BytesWritten {
		t.Errorf("the proxy saw %d bytes, the store %+v", n, s.Usage())
	}
}

// What goes to many objects is held once, and each part has what S3 wants of one:
// four runs of 17 MB to eight objects take the memory of four parts, not of 32.
func TestSharedParts(t *testing.T) {
	_, proxy, s := far(t)
	var parts, small atomic.Int64
	held := make(chan struct{})
	proxy.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Query().Has("partNumber") {
			parts.Add(1)
			if r.ContentLength < 5<<20 {
				small.Add(1)
			}
			<-held
		}
		return false
	})
	var uploads []objstore.Upload
	for i := range 8 {
		u, err := s.Create(t.Context(), fmt.Sprintf("s3://bucket/%d", i))
		if err != nil {
			t.Fatal(err)
		}
		defer u.Abort()
		if _, err := u.Write([]byte("a header")); err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, u)
	}
	const run = 17_000_000
	var most int64
	time.AfterFunc(300*time.Millisecond, func() { close(held) })
	for range 4 {
		share(t, uploads, run, func() { most = max(most, objstore.Held()) })
	}
	for i, u := range uploads {
		if info, err := u.Commit(); err != nil || info.Size != 8+4*run {
			t.Errorf("object %d: %+v, %v", i, info, err)
		}
	}
	if n := parts.Load(); n != 8*4*3 || small.Load() > 0 {
		t.Errorf("%d parts, %d of them too small; want 3 of each run in each object", n, small.Load())
	}
	if most > 21<<20 || objstore.Held() != 0 {
		t.Errorf("%d bytes were held, %d still are", most, objstore.Held())
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// share writes a run to several uploads; after each chunk it calls then.
func share(t *testing.T, uploads []objstore.Upload, run int64, then func()) {
	for left := run; left > 0; {
		c, err := objstore.NewChunk(t.Context())
		if err == nil {
			err = c.Fill(neverEnding{}, left)
		}
		if err != nil {
			t.Error(err)
			return
		}
		left -= int64(len(c.Bytes()))
		for _, u := range uploads {
			if err := objstore.Share(u, c, left); err != nil {
				t.Error(err)
			}
		}
		c.Release()
		then()
	}
}

// One part that doesn't get on doesn't hold up what others send, though most of
// the memory is in use besides: another object is written whole while it waits.
func TestOnePartStalls(t *testing.T) {
	const run = 17_000_000
	_, proxy, s := far(t)
	var first atomic.Bool
	stalled, over := make(chan struct{}), make(chan struct{})
	proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Query().Has("partNumber") && first.CompareAndSwap(false, true) {
			close(stalled)
			<-over
		}
		return false
	})
	var others []*objstore.Chunk // of parts that are not full
	for range 50 {
		c, err := objstore.NewChunk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, c)
	}
	one, err := s.Create(t.Context(), "s3://bucket/one")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Abort()
	share(t, []objstore.Upload{one}, 5<<20, func() {})
	<-stalled
	two := make(chan error, 1)
	go func() {
		u, err := s.Create(t.Context(), "s3://bucket/two")
		if err == nil {
			defer u.Abort()
			share(t, []objstore.Upload{u}, run, func() {})
			_, err = u.Commit()
		}
		two <- err
	}()
	err, ended := await.Value(t, "something else is written while one part waits", two)
	if err != nil {
		t.Error(err)
	}
	close(over)
	if !ended {
		<-two
	}
	if _, err := one.Commit(); err != nil {
		t.Error(err)
	}
	for _, c := range others {
		c.Release()
	}
	if n := objstore.Held(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

// Objects of one part are bounded like others: 64 that nobody answers for hold
// no more than what is on its way, and the ones that are being filled.
func TestManyPuts(t *testing.T) {
	_, proxy, s := far(t)
	held := make(chan struct{})
	proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPut {
			<-held
		}
		return false
	})
	time.AfterFunc(500*time.Millisecond, func() { close(held) })
	var most int64
	var g sync.WaitGroup
	data := make([]byte, 4<<20)
	for i := range 64 {
		u, err := s.Create(t.Context(), fmt.Sprintf("s3://bucket/%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(data); err != nil {
			t.Fatal(err)
		}
		g.Go(func() {
			defer u.Abort()
			if _, err := u.Commit(); err != nil {
				t.Error(err)
			}
		})
		most = max(most, objstore.Held())
	}
	g.Wait()
	if most > 100<<20 || objstore.Held() != 0 {
		t.Errorf("%d bytes were held of %d, %d still are", most, 64*len(data), objstore.Held())
	}
}
