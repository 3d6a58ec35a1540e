package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// view shows an execution as lines: one when a node ends, and what went wrong
// as soon as it does. The elements of a map are counted, not listed; of their
// failures the first few are shown.
type view struct {
	mu      sync.Mutex
	w       io.Writer
	start   time.Time
	now     time.Time // of the event that is being shown
	events  *json.Encoder
	file    *os.File
	maps    map[string]*progress // by node
	names   *titles
	retried map[string]string // by node, what it was last tried again for
	// hint says what the outputs of what succeeded tell: a note, or why it failed
	// all the same. May be nil.
	hint func(local.Event) (note string, failed bool)

	failed []string // nodes, in the order of their failures
	lost   int      // elements that failed
	first  string   // what was said of the first of them
	where  string   // and which it was
}

type progress struct{ total, ok, failed, shown int }

// shownElements is how many failures and retries of a map's elements are told.
const shownElements = 3

func newView(w io.Writer, run, events string) (*view, error) {
	v := &view{w: w, start: time.Now(), maps: map[string]*progress{}, names: newTitles(), retried: map[string]string{}}
	if events != "" {
		f, err := os.Create(events)
		if err != nil {
			return nil, fmt.Errorf("write events of %s: %w", run, err)
		}
		v.file, v.events = f, json.NewEncoder(f)
	}
	return v, nil
}

func (v *view) observe(e local.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = e.Time
	if v.events != nil {
		if err := v.events.Encode(e); err != nil {
			v.line("events are no longer written: %v", err)
			v.events = nil
		}
	}
	v.names.learn(e)
	if e.Element >= 0 {
		v.element(e)
		return
	}
	name := v.names.of(e.Node)
	switch e.Kind {
	case local.Expanded:
		v.maps[e.Node] = &progress{total: e.Count}
		v.line("%-44s %d to do", name, e.Count)
	case local.Succeeded:
		ended, note := "done", ""
		if p := v.maps[e.Node]; p != nil && p.failed > 0 {
			ended = "ended"
			note = fmt.Sprintf("  %d of %d FAILED", p.failed, p.total)
		}
		if said, _, _ := strings.Cut(e.Message, ", node "); said != "" { // which node made it stands in the cache
			note += "  " + said
		}
		if v.hint != nil {
			said, failed := v.hint(e)
			if failed {
				v.line("%-44s FAILED: %s", name, said)
				return
			}
			if said != "" {
				note += "  " + said
			}
		}
		v.line("%-44s %-5s%8s%s", name, ended, round(e.Duration), note)
	case local.Failed:
		reason := ": " + oneLine(e.Message)
		if slices.ContainsFunc(v.failed, func(n string) bool { return strings.HasPrefix(n, e.Node+"/") }) {
			reason = "" // it was that node's
		}
		v.failed = append(v.failed, e.Node)
		v.line("%-44s FAILED%s", name, reason)
	case local.Aborted:
		v.line("%-44s stopped", name)
	case local.Retrying:
		if v.retried[e.Node] == e.Message {
			v.line("%-44s again after the same", name)
			break
		}
		v.retried[e.Node] = e.Message
		v.line("%-44s again after: %s", name, oneLine(e.Message))
	}
}

// element counts what ended, and shows failures and every tenth of the way.
func (v *view) element(e local.Event) {
	p := v.maps[e.Node]
	if p == nil {
		p = &progress{}
		v.maps[e.Node] = p
	}
	switch e.Kind {
	case local.Succeeded:
		p.ok++
		if ended := p.ok + p.failed; p.total >= 20 && ended*10/p.total > (ended-1)*10/p.total && ended < p.total {
			v.line("%-44s %d of %d", v.names.of(e.Node), ended, p.total)
		}
	case local.Failed:
		p.failed++
		if v.lost++; v.lost == 1 {
			v.first, v.where = e.Message, v.names.element(e.NodeRef)
		}
		v.elementLine(p, "%-44s FAILED: %s", v.names.element(e.NodeRef), oneLine(e.Message))
	case local.Retrying:
		v.elementLine(p, "%-44s again after: %s", v.names.element(e.NodeRef), oneLine(e.Message))
	}
}

// elementLine is a line about an element, as long as there were few of its map.
func (v *view) elementLine(p *progress, format string, a ...any) {
	if p.shown++; p.shown <= shownElements {
		v.line(format, a...)
	}
	if p.shown == shownElements+1 {
		v.line("%-44s more of the like is in the logs", "")
	}
}

// note is a line about no node.
func (v *view) note(format string, a ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = time.Now()
	v.line(format, a...)
}

func (v *view) line(format string, a ...any) {
	fmt.Fprintf(v.w, "%6s  %s\n", round(max(0, v.now.Sub(v.start))), fmt.Sprintf(format, a...))
}

// done ends the view. An error gets what was said of the elements that failed
// before: they are often its cause, and a map lets them pass.
func (v *view) done(err error) error {
	if v.file != nil {
		if err := v.file.Close(); err != nil {
			v.line("events: %v", err)
		}
	}
	if err == nil || v.lost == 0 || fault.KindOf(err) == fault.Canceled || strings.Contains(err.Error(), v.first) {
		return err
	}
	if v.lost == 1 {
		return fmt.Errorf("%w\none element of a map had failed before, %s: %s", err, v.where, v.first)
	}
	return fmt.Errorf("%w\n%d elements of maps had failed before, the first %s: %s", err, v.lost, v.where, v.first)
}

func round(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

// oneLine is a message on one line that is not too long.
func oneLine(s string) string {
	const wide = 240 // the whole message stands in the log, and at the end of a failed run
	s = strings.Join(strings.FieldsFunc(strings.TrimSpace(s), func(r rune) bool { return r == '\n' }), " | ")
	if len(s) > wide {
		s = strings.ToValidUTF8(s[:wide], "") + "..."
	}
	return s
}
