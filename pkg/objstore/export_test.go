package objstore

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Watches stand for the timers of all requests until the test ends: each ends
// when the test says so.
type Watches struct {
	mu    sync.Mutex
	armed map[string][]*manual // by attempt
}

// HoldWatches has the test decide which requests stall.
func HoldWatches(t *testing.T) *Watches {
	w := &Watches{armed: map[string][]*manual{}}
	timed := newWatch
	newWatch = func(r *http.Request, _ time.Duration, end func()) watch {
		m := &manual{w: w, end: end, armed: true}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.armed[attempt(r)] = append(w.armed[attempt(r)], m)
		return m
	}
	t.Cleanup(func() { newWatch = timed })
	return w
}

// Ring ends an attempt, as the server sees it, if it is being waited for.
func (w *Watches) Ring(r *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.armed[attempt(r)] {
		if m.armed {
			m.armed = false
			m.end()
			return true
		}
	}
	return false
}

// attempt is what client and server both know one by.
func attempt(r *http.Request) string {
	return r.Header.Get("Amz-Sdk-Invocation-Id") + r.Header.Get("Amz-Sdk-Request")
}

// manual is a timer whose time comes when its test says so.
type manual struct {
	w     *Watches
	end   func()
	armed bool
}

func (m *manual) set(armed bool) (was bool) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	was, m.armed = m.armed, armed
	return was
}

func (m *manual) Stop() bool               { return m.set(false) }
func (m *manual) Reset(time.Duration) bool { return m.set(true) }

// Asks is the host, and the path, that a store asks for an object of a bucket,
// without asking.
func Asks(t *testing.T, cfg Config, bucket string) (string, error) {
	s := newS3Store(t.Context(), cfg, new(meter))
	c, err := s.client()
	if err != nil {
		return "", err
	}
	key := "x"
	r, err := s3.NewPresignClient(c).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	_, url, _ := strings.Cut(r.URL, "://")
	return url, nil
}

// WebWaits has web stores wait no time before they ask again, until the test
// ends. It says how long they would have waited.
func WebWaits(t *testing.T) func() []time.Duration {
	var mu sync.Mutex
	var waits []time.Duration
	timed := webWait
	webWait = func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		waits = append(waits, d)
		return ctx.Err()
	}
	t.Cleanup(func() { webWait = timed })
	return func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		w := waits
		waits = nil
		return w
	}
}
