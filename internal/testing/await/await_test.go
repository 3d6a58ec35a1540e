package await

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// limited is a test that has a minute, and notes what it fails with.
type limited struct {
	testing.TB
	deadline time.Time
	said     string
}

func (l *limited) Helper()                        {}
func (l *limited) Deadline() (time.Time, bool)    { return l.deadline, true }
func (l *limited) Errorf(format string, a ...any) { l.said = fmt.Sprintf(format, a...) }

// What never happens is waited for until the test has to end, and is said; what happens late is met.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := &limited{deadline: start.Add(time.Minute)}
		if Until(l, "a comet", func() bool { return false }) || l.said != "waited in vain: a comet" || time.Since(start) < time.Minute-margin {
			t.Errorf("%q after %s", l.said, time.Since(start))
		}
		l = &limited{deadline: time.Now().Add(time.Hour)}
		if _, ok := Value(l, "a word", make(chan string)); ok || l.said != "waited in vain: a word" {
			t.Errorf("%q", l.said)
		}
		late := time.Now().Add(20 * time.Minute)
		l = &limited{deadline: time.Now().Add(time.Hour)}
		if !Until(l, "the bus", func() bool { return time.Now().After(late) }) || l.said != "" {
			t.Errorf("%q", l.said)
		}
		words := make(chan string, 1)
		time.AfterFunc(20*time.Minute, func() { words <- "hm" })
		if word, ok := Value(l, "a word", words); word != "hm" || !ok {
			t.Errorf("%q, %v", word, ok)
		}
	})
}
