package bombs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// mostBytes is what a bomb has at most.
	mostBytes = 10 << 20
	// mostMemory is what may be held of it, the bomb itself among it.
	mostMemory = 256 << 20
	// mostTime is what it may take of the processors: two for ten seconds, whatever
	// else the machine does.
	mostTime = 20 * time.Second
	// fatal ends the process before it takes the machine down.
	fatal = 1 << 30
)

// bomb is a decoder's worst input, and the decoder.
type bomb struct {
	name string
	make func() []byte
	eat  func([]byte) error
}

// now is the bomb that is eaten, and since when.
var now atomic.Pointer[eating]

type eating struct {
	name   string
	before uint64
	peak   atomic.Uint64
	since  time.Duration // of the process's processor time
}

func TestMain(m *testing.M) {
	// One allocation that is larger than that ends the process at once.
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 3 << 30, Max: 3 << 30}); err != nil {
		panic(err)
	}
	go watch()
	os.Exit(m.Run())
}

// memory is what the heap's objects and the stacks take.
func memory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}

// used is the processor time of the process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func watch() {
	for ; ; time.Sleep(time.Millisecond) {
		e := now.Load()
		if e == nil {
			continue
		}
		is := memory()
		for old := e.peak.Load(); is > old && !e.peak.CompareAndSwap(old, is); old = e.peak.Load() {
		}
		if is > e.before+fatal || used()-e.since > mostTime {
			panic(fmt.Sprintf("%s: %d MB are held, after %v of the processors", e.name, (is-e.before)>>20, used()-e.since))
		}
	}
}

// explode gives each bomb to its decoder, one after the other.
func explode(t *testing.T, all []bomb) {
	t.Helper()
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			text := b.make()
			if len(text) > mostBytes {
				t.Fatalf("the bomb has %d bytes", len(text))
			}
			debug.FreeOSMemory()
			before := memory() - uint64(len(text))
			// What is garbage is collected before it counts.
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(before) + mostMemory*3/4))
			defer debug.SetGCPercent(debug.SetGCPercent(50))
			e := &eating{name: t.Name(), before: before, since: used()}
			now.Store(e)
			err := b.eat(text)
			took := used() - e.since
			now.Store(nil)
			peak := max(e.peak.Load(), memory()) - before
			t.Logf("%d kB: %d MB, %v: %.300v", len(text)>>10, peak>>20, took.Round(time.Millisecond), err)
			if peak > mostMemory {
				t.Errorf("%d bytes make %d MB", len(text), peak>>20)
			}
			var f *fault.Error
			if err != nil && (!errors.As(err, &f) || f.Code == "" || f.Remedy == "" && f.Place == "") {
				t.Errorf("it is refused without code, or without remedy and place: %v", err)
			}
			runtime.KeepAlive(text)
		})
	}
}
