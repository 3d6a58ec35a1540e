package objstore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/internal/testing/storetest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// times makes trouble n times, for requests that are chosen.
func times(n int64, trouble s3test.Fault, chosen func(*http.Request) bool) s3test.Fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		return chosen(r) && count.Add(1) <= n && trouble(w, r, pass)
	}
}

func everything(*http.Request) bool { return true }

// untimed makes a store that takes a connection for stalled when it is, and not
// when a clock says so: then no machine is too slow.
func untimed(t *testing.T) (*s3test.Proxy, *objstore.Mux, func(s3test.Failure) s3test.Fault) {
	watches := objstore.HoldWatches(t)
	_, proxy, s := far(t)
	return proxy, s, func(kind s3test.Failure) s3test.Fault {
		if kind != s3test.Stall {
			return s3test.Make(kind)
		}
		return s3test.Silence(func(r *http.Request) {
			await.Until(t, "the client waits for "+r.URL.Path, func() bool { return watches.Ring(r) || r.Context().Err() != nil })
		})
	}
}

// Each operation gets over each trouble that passes by itself, some of it twice in a row.
func TestTrouble(t *testing.T) {
	proxy, s, trouble := untimed(t)
	data := storetest.Bytes(3, 1<<20)
	for i, kind := range s3test.Passing {
		t.Run(strings.ReplaceAll(string(kind), " ", "-"), func(t *testing.T) {
			proxy.Inject(nil)
			n := int64(2 - i%2)
			uri := "s3://bucket/" + string(kind) + "/x"
			if _, err := objstore.WriteFile(t.Context(), s, uri, []byte("old")); err != nil {
				t.Fatal(err)
			}
			for name, do := range map[string]func() error{
				"1 write": func() error { _, err := objstore.WriteFile(t.Context(), s, uri, data); return err },
				"2 stat": func() error {
					info, err := s.Stat(t.Context(), uri)
					return differs(err, info.Size, int64(1<<20))
				},
				"3 read": func() error {
					got, err := objstore.ReadFile(t.Context(), s, uri)
					return differs(err, bytes.Equal(got, data), true)
				},
				"4 range": func() error {
					got := make([]byte, 5000)
					_, err := objstore.ReaderAt(t.Context(), s, objstore.Info{URI: uri, Size: 1 << 20}).ReadAt(got, 777)
					return differs(err, bytes.Equal(got, data[777:5777]), true)
				},
				"5 list": func() error {
					var uris []string
					err := s.List(t.Context(), "s3://bucket/"+string(kind)+"/", func(i objstore.Info) error { uris = append(uris, i.URI); return nil })
					return differs(err, fmt.Sprint(uris), fmt.Sprint([]string{uri}))
				},
				"6 delete": func() error { return s.Delete(t.Context(), "s3://bucket/none") },
			} {
				if name != "1 write" {
					proxy.Inject(nil)
					if _, err := objstore.WriteFile(t.Context(), s, uri, data); err != nil {
						t.Fatal(err)
					}
				}
				proxy.Inject(times(n, trouble(kind), everything))
				if err := do(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func differs(err error, got, want any) error {
	if err == nil && got != want {
		err = fmt.Errorf("got %v, want %v", got, want)
	}
	return err
}

// A server that always answers another range is an error, and its bytes are never believed.
func TestWrongRange(t *testing.T) {
	_, proxy, s := far(t)
	info, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", storetest.Bytes(1, 100_000))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []s3test.Failure{s3test.WrongRange, s3test.WholeObject} {
		proxy.Inject(s3test.Make(kind))
		before := proxy.Requests()
		_, err = s.Get(t.Context(), info.URI, "", objstore.Range{Offset: 100, Length: 200})
		isCode(t, string(kind), err, fault.Transient, objstore.ServerError, "bytes 100-299")
		_, err = s.Get(t.Context(), info.URI, "", objstore.Range{Offset: 100, Length: -1})
		isCode(t, string(kind), err, fault.Transient, objstore.ServerError, "bytes 100-")
		if n := proxy.Requests() - before; n != 8 {
			t.Errorf("%d requests for two reads", n)
		}
	}
	// Shorter than asked for, and not at the object's end.
	proxy.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Range", "bytes 100-149/100000")
		w.Header().Set("Content-Length", "50")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(make([]byte, 50))
		return true
	})
	_, err = s.Get(t.Context(), info.URI, "", objstore.Range{Offset: 100, Length: 200})
	isCode(t, "short", err, fault.Transient, objstore.ServerError, "100-149")
}

// A store that doesn't know If-Match is found out by the ETag of its answer.
func TestIgnoredIfMatch(t *testing.T) {
	_, proxy, s := far(t)
	if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", []byte("new")); err != nil {
		t.Fatal(err)
	}
	proxy.Inject(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("ETag", `"new"`)
		w.Header().Set("Content-Length", "3")
		w.Write([]byte("new"))
		return true
	})
	_, err := s.Get(t.Context(), "s3://bucket/x", "old", objstore.Whole)
	isCode(t, "read", err, fault.BadInput, objstore.ObjectChanged, "x")
}

// Each request of a multipart upload gets over trouble; so does its
// completion where only the answer is lost and the upload is gone by the second attempt.
func TestUploadTrouble(t *testing.T) {
	proxy, s, trouble := untimed(t)
	data := storetest.Bytes(4, 20<<20)
	for step, chosen := range map[string]func(*http.Request) bool{
		"begin":    func(r *http.Request) bool { return r.URL.Query().Has("uploads") },
		"part":     func(r *http.Request) bool { return r.URL.Query().Has("partNumber") },
		"complete": func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
	} {
		for _, kind := range []s3test.Failure{s3test.InternalError, s3test.SlowDown, s3test.Reset, s3test.Lost, s3test.Truncated, s3test.Stall} {
			t.Run(step+"/"+strings.ReplaceAll(string(kind), " ", "-"), func(t *testing.T) {
				uri := "s3://bucket/" + step + string(kind)
				proxy.Inject(times(1, trouble(kind), chosen))
				info, err := objstore.WriteFile(t.Context(), s, uri, data)
				if err != nil {
					t.Fatal(err)
				}
				proxy.Inject(nil)
				got, err := objstore.ReadFile(t.Context(), s, uri)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes or other ones, %v", len(got), err)
				}
				if there, err := s.Stat(t.Context(), uri); err != nil || there.ETag != info.ETag {
					t.Errorf("%+v, %v; the upload said %+v", there, err, info)
				}
			})
		}
	}
	// A begin whose answer was lost leaves an upload that nobody knows the name of.
	var left []objstore.Unfinished
	if err := s.Unfinished(t.Context(), "s3://bucket", func(u objstore.Unfinished) error { left = append(left, u); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || !strings.HasPrefix(left[0].URI, "s3://bucket/begin") {
		t.Errorf("unfinished: %+v", left)
	}
}

func TestRefusals(t *testing.T) {
	_, proxy, s := far(t)
	for kind, says := range map[s3test.Failure]string{s3test.Expired: "expired renew", s3test.Denied: "AccessDenied credentials"} {
		proxy.Inject(s3test.Make(kind))
		_, err := objstore.ReadFile(t.Context(), s, "s3://bucket/x")
		isCode(t, "read", err, fault.BadInput, objstore.AccessDenied, says)
		_, err = objstore.WriteFile(t.Context(), s, "s3://bucket/x", []byte("x"))
		isCode(t, "write", err, fault.BadInput, objstore.AccessDenied, says)
	}
}

// A clock that is an hour slow is set right by the server's; a server that
// goes on complaining is believed, and named.
func TestClockSkew(t *testing.T) {
	_, proxy, s := far(t)
	// The clock that is wrong is the proxy's, once: the server itself then complains about the correction.
	proxy.Inject(times(1, s3test.Make(s3test.Skewed), everything))
	if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", []byte("x")); err != nil {
		t.Error(err)
	}
	proxy.Inject(s3test.Make(s3test.Skewed))
	_, err := objstore.ReadFile(t.Context(), s, "s3://bucket/x")
	isCode(t, "read", err, fault.BadInput, objstore.AccessDenied, "clock")
}

// A stall ends for good after the attempts that there are, and says what it was.
// Here every request stalls, so that the time may be short.
func TestStallGivesUp(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	t.Setenv("CONSTELLATION_STALL_TIME", "250ms")
	_, proxy, s := far(t)
	proxy.Inject(s3test.Make(s3test.Stall))
	_, err := s.Stat(t.Context(), "s3://bucket/x")
	isCode(t, "stat", err, fault.Transient, objstore.ConnectionLost, "not a byte came for 250ms")
	_, err = objstore.WriteFile(t.Context(), s, "s3://bucket/x", make([]byte, 5<<20))
	isCode(t, "write", err, fault.Transient, objstore.ConnectionLost, "")
}

// Close ends a Read that waits.
func TestCloseEndsRead(t *testing.T) {
	_, proxy, s := far(t)
	if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", storetest.Bytes(1, 1<<20)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONSTELLATION_STALL_TIME", "24h") // nothing but Close ends the Read
	s = objstore.Open(t.Context(), objstore.Config{})
	silent := make(chan struct{})
	proxy.Inject(s3test.Silence(func(r *http.Request) { close(silent); <-r.Context().Done() }))
	body, err := s.Get(t.Context(), "s3://bucket/x", "", objstore.Whole)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-silent
		time.Sleep(50 * time.Millisecond) // for the Read to wait; it must end as well if it begins later
		body.Close()
	}()
	if _, err := io.Copy(io.Discard, body); err == nil {
		t.Error("a closed body reads to its end")
	}
}

func TestStallTimeInvalid(t *testing.T) {
	t.Setenv("CONSTELLATION_STALL_TIME", "soon")
	_, err := objstore.ReadFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x")
	isCode(t, "read", err, fault.BadInput, "EnvironmentInvalid", "CONSTELLATION_STALL_TIME 30s")
}

// The weather is as bad as it says it is.
func TestWeather(t *testing.T) {
	proxy, s, trouble := untimed(t)
	weather := s3test.NewWeather(1, 0.1, s3test.Passing...)
	weather.Make = trouble
	proxy.Inject(weather.Fault)
	data := storetest.Bytes(5, 100_000)
	for i := range 200 {
		uri := fmt.Sprintf("s3://bucket/%d", i)
		if _, err := objstore.WriteFile(t.Context(), s, uri, data[i:]); err != nil {
			t.Fatal(err)
		}
		if got, err := objstore.ReadFile(t.Context(), s, uri); err != nil || !bytes.Equal(got, data[i:]) {
			t.Fatalf("%s: other bytes, %v", uri, err)
		}
	}
	total := 0
	for _, n := range weather.Counts() {
		total += n
	}
	t.Logf("%d troubles in %d requests: %v", total, proxy.Requests(), weather.Counts())
	if share := float64(total) / float64(proxy.Requests()); share < 0.05 || share > 0.15 {
		t.Errorf("%.3f of the requests met trouble", share)
	}
	if !slices.Contains(s3test.Passing, s3test.Stall) || weather.Counts()[s3test.Stall] == 0 {
		t.Error("no stall among them")
	}
}
