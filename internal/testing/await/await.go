// Package await is how tests wait for what happens by itself, elsewhere: for as
// long as the test may run at all, so that no test fails because a machine is slow.
package await

import (
	"testing"
	"time"
)

// margin is what is left to a test binary to say what it waited for, before it
// is ended with nothing but its goroutines' stacks.
const margin = 30 * time.Second

// Until looks until it happened. It gives up, and has the test fail, when
// the time of the test binary (go test -timeout) is almost over. It may be called
// in any goroutine of the test.
func Until(t testing.TB, what string, happened func() bool) bool {
	t.Helper()
	for deadline := end(t); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain: %s", what)
			return false
		}
	}
	return true
}

// Value receives from a channel; ok is false where that was in vain, which has the test fail.
func Value[T any](t testing.TB, what string, c <-chan T) (v T, ok bool) {
	t.Helper()
	timer := time.NewTimer(time.Until(end(t)))
	defer timer.Stop()
	select {
	case v = <-c:
		return v, true
	case <-timer.C:
		t.Errorf("waited in vain: %s", what)
		return v, false
	}
}

// end is when a test has to give up; without a deadline, in a year.
func end(t testing.TB) time.Time {
	if limited, is := t.(interface{ Deadline() (time.Time, bool) }); is {
		if deadline, ok := limited.Deadline(); ok {
			return deadline.Add(-margin)
		}
	}
	return time.Now().AddDate(1, 0, 0)
}
