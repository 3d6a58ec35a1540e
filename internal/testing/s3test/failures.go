package s3test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// Failure is a way in which a store fails.
type Failure string

// What passes by itself: a client that tries again gets what it wants.
const (
	InternalError Failure = "500"         // InternalError
	SlowDown      Failure = "503"         // SlowDown
	Reset         Failure = "reset"       // the connection ends before the request is heard
	Lost          Failure = "lost answer" // the request is done, and its answer never arrives
	Truncated     Failure = "truncated"   // the connection ends in the middle of the body
	Stall         Failure = "stall"       // the connection goes silent in the middle of the body, or before it
	WrongRange    Failure = "wrong range" // a 206 with another Content-Range than what was asked for
	WholeObject   Failure = "whole"       // a 200 with all of the object in answer to a range
	StaleList     Failure = "stale list"  // an earlier answer to the same listing
)

// What doesn't.
const (
	Expired Failure = "expired" // 400 ExpiredToken
	Denied  Failure = "denied"  // 403 AccessDenied
	Skewed  Failure = "skewed"  // 403 RequestTimeTooSkewed, of a server whose clock is an hour ahead
)

// Passing are those that a client has to get over by itself.
var Passing = []Failure{InternalError, SlowDown, Reset, Lost, Truncated, Stall, WrongRange, WholeObject, StaleList}

// Weather fails at random: Rate of all requests meet one of Kinds. The
// same seed draws the same sequence; which request gets what also depends on
// the order in which they come.
type Weather struct {
	Rate  float64
	Kinds []Failure
	Make  func(Failure) Fault // of one kind; [Make] by default

	mu     sync.Mutex
	random *rand.Rand
	lists  map[string]*httptest.ResponseRecorder // the first answer to each listing
	counts map[Failure]int
}

// NewWeather makes the weather of a seed.
func NewWeather(seed uint64, rate float64, kinds ...Failure) *Weather {
	return &Weather{
		Rate: rate, Kinds: kinds, Make: Make, random: rand.New(rand.NewPCG(seed, 0)),
		lists: map[string]*httptest.ResponseRecorder{}, counts: map[Failure]int{},
	}
}

// Counts is how often each kind was made so far.
func (w *Weather) Counts() map[Failure]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.counts)
}

// Fault is what [Proxy.Inject] takes.
func (w *Weather) Fault(rw http.ResponseWriter, r *http.Request, pass http.Handler) bool {
	kind := w.draw()
	if r.URL.Query().Get("list-type") == "2" {
		if kind == StaleList || kind == "" {
			w.list(kind, rw, r, pass)
			return true
		}
	} else if kind == StaleList {
		kind = InternalError
	}
	if kind == "" {
		return false
	}
	if (kind == WrongRange || kind == WholeObject) && r.Header.Get("Range") == "" {
		kind = Truncated
	}
	w.count(kind)
	return w.Make(kind)(rw, r, pass)
}

func (w *Weather) draw() Failure {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.Kinds) == 0 || w.random.Float64() >= w.Rate {
		return ""
	}
	return w.Kinds[w.random.IntN(len(w.Kinds))]
}

func (w *Weather) count(kind Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[kind]++
}

// list answers a listing by the server's word, or by what it said first.
func (w *Weather) list(kind Failure, rw http.ResponseWriter, r *http.Request, pass http.Handler) {
	w.mu.Lock()
	said := w.lists[r.URL.String()]
	w.mu.Unlock()
	if kind == "" || said == nil {
		said = httptest.NewRecorder()
		pass.ServeHTTP(said, r)
		w.mu.Lock()
		if w.lists[r.URL.String()] == nil && said.Code == http.StatusOK {
			w.lists[r.URL.String()] = said
		}
		w.mu.Unlock()
	} else {
		w.count(kind)
	}
	maps.Copy(rw.Header(), said.Header())
	rw.WriteHeader(said.Code)
	rw.Write(said.Body.Bytes())
}

// Make is the fault that gives one kind of failure to every request.
func Make(kind Failure) Fault {
	switch kind {
	case InternalError:
		return refuse(http.StatusInternalServerError, "InternalError", 0)
	case SlowDown:
		return refuse(http.StatusServiceUnavailable, "SlowDown", 0)
	case Skewed:
		return refuse(http.StatusForbidden, "RequestTimeTooSkewed", time.Hour)
	case Expired:
		return refuse(http.StatusBadRequest, "ExpiredToken", 0)
	case Denied:
		return refuse(http.StatusForbidden, "AccessDenied", 0)
	case Reset:
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool { return reset(w) }
	case Lost:
		return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			pass.ServeHTTP(httptest.NewRecorder(), r)
			return reset(w)
		}
	case Truncated:
		return cutHalfway(func(*http.Request) {})
	case Stall:
		return cutHalfway(func(r *http.Request) {
			select { // the client's leaving isn't seen where its body was not read
			case <-r.Context().Done():
			case <-time.After(time.Minute):
			}
		})
	case WrongRange:
		return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			pass.ServeHTTP(&shifted{ResponseWriter: w}, r)
			return true
		}
	case WholeObject:
		return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			pass.ServeHTTP(&shifted{ResponseWriter: w, whole: true}, r)
			return true
		}
	}
	return func(http.ResponseWriter, *http.Request, http.Handler) bool { return false }
}

// Silence is a stall that says so: wait is called when the connection is silent,
// and breaks it when it returns. A request's body is read before.
func Silence(wait func(*http.Request)) Fault {
	cut := cutHalfway(wait)
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		if r.Method != http.MethodGet {
			io.Copy(io.Discard, r.Body)
		}
		return cut(w, r, pass)
	}
}

// refuse answers as S3 refuses.
func refuse(status int, code string, ahead time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>failure made by a test</Message></Error>", code)
		}
		return true
	}
}

// reset breaks the connection as a lost host does, without a word.
func reset(w http.ResponseWriter) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
	return true
}

// cutHalfway passes half of the answer's body on, waits, and breaks the
// connection. A request that brings a body, or whose answer has none, is cut
// before it is heard.
func cutHalfway(wait func(*http.Request)) Fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		if r.Method == http.MethodGet {
			pass.ServeHTTP(&half{ResponseWriter: w, wait: func() { wait(r) }}, r)
		}
		wait(r)
		return reset(w)
	}
}

type half struct {
	http.ResponseWriter
	wait func()
	left int64 // plus one, once the answer's length is known
}

func (h *half) Write(p []byte) (int, error) {
	if h.left == 0 {
		n, err := strconv.ParseInt(h.Header().Get("Content-Length"), 10, 64)
		if err != nil {
			n = int64(len(p))
		}
		h.left = n/2 + 1
	}
	if int64(len(p)) < h.left {
		h.left -= int64(len(p))
		return h.ResponseWriter.Write(p)
	}
	h.ResponseWriter.Write(p[:h.left-1])
	http.NewResponseController(h.ResponseWriter).Flush()
	h.wait()
	panic(http.ErrAbortHandler)
}

// shifted says of an answer that it is of a range one byte further on, or of the whole object.
type shifted struct {
	http.ResponseWriter
	whole bool
}

func (s *shifted) WriteHeader(status int) {
	var from, to, total int64
	if _, err := fmt.Sscanf(s.Header().Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &total); err == nil {
		s.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from+1, to+1, total))
		if s.whole {
			s.Header().Del("Content-Range")
			status = http.StatusOK
		}
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *shifted) Unwrap() http.ResponseWriter { return s.ResponseWriter }
