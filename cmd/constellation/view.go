package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// view shows an execution as lines: one when a node ends, and what went wrong
// as soon as it does. The elements of a map are counted, not listed.
type view struct {
	mu     sync.Mutex
	w      io.Writer
	start  time.Time
	events *json.Encoder
	file   *os.File
	maps   map[string]*progress // by node
}

type progress struct{ total, ok, failed int }

func newView(w io.Writer, run, events string) (*view, error) {
	v := &view{w: w, start: time.Now(), maps: map[string]*progress{}}
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
	if v.events != nil {
		if err := v.events.Encode(e); err != nil {
			v.line("events are no longer written: %v", err)
			v.events = nil
		}
	}
	if e.Element >= 0 {
		v.element(e)
		return
	}
	switch e.Kind {
	case local.Expanded:
		v.maps[e.Node] = &progress{total: e.Count}
		v.line("%-44s %d to do", e.Node, e.Count)
	case local.Succeeded:
		note := ""
		if p := v.maps[e.Node]; p != nil && p.failed > 0 {
			note = fmt.Sprintf("  %d of %d FAILED", p.failed, p.total)
		}
		if e.Message != "" {
			note += "  " + e.Message
		}
		v.line("%-44s done %8s%s", e.Node, round(e.Duration), note)
	case local.Failed:
		v.line("%-44s FAILED: %s", e.Node, oneLine(e.Message))
	case local.Aborted:
		v.line("%-44s stopped", e.Node)
	case local.Retrying:
		v.line("%-44s again after: %s", e.Node, oneLine(e.Message))
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
			v.line("%-44s %d of %d", e.Node, ended, p.total)
		}
	case local.Failed:
		p.failed++
		v.line("%-44s FAILED: %s", e.NodeRef, oneLine(e.Message))
	case local.Retrying:
		v.line("%-44s again after: %s", e.NodeRef, oneLine(e.Message))
	}
}

func (v *view) line(format string, a ...any) {
	fmt.Fprintf(v.w, "%6s  %s\n", round(time.Since(v.start)), fmt.Sprintf(format, a...))
}

func (v *view) done(error) {
	if v.file != nil {
		if err := v.file.Close(); err != nil {
			v.line("events: %v", err)
		}
	}
}

func round(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

func oneLine(s string) string {
	line, more, cut := strings.Cut(s, "\n")
	if cut && strings.TrimSpace(more) != "" {
		line += " ..."
	}
	const wide = 240 // the whole message stands in the log, and at the end of a failed run
	if len(line) > wide {
		line = strings.ToValidUTF8(line[:wide], "") + "..."
	}
	return line
}
