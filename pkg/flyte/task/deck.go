package task

import (
	"bytes"
	"fmt"
	"html"
	"sync"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Deck is the report page of an attempt, which the console shows. Its methods
// can be called from several goroutines, and on nil they do nothing.
type Deck struct {
	mu       sync.Mutex
	sections []section
}

type section struct {
	title string
	body  string // HTML as it is
}

// AddHTML adds a section. The body is HTML as it is, styles and images inline:
// the console shows the page alone, without a network.
func (d *Deck) AddHTML(title, body string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sections = append(d.sections, section{title, body})
}

const deckHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%[1]s</title>
<style>
body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#1b1b1b}
h1{font-size:1.4em}h2{font-size:1.15em;border-bottom:1px solid #ddd;margin-top:2em}
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ddd;padding:.2em .6em;text-align:left}
pre{background:#f6f6f6;padding:1em;overflow:auto}.failure{border-left:4px solid #c00;padding-left:1em}
</style></head><body><h1>%[1]s</h1>
`

type deckFailure struct{ Code, Message string }

// page renders the deck; nil where there is nothing to show. It does without
// html/template, whose use of reflection keeps the linker from leaving out
// unused methods of everything else: a quarter of a stage's size.
func (d *Deck) page(title string, failure *deckFailure) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sections) == 0 && failure == nil {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, deckHead, html.EscapeString(title))
	if failure != nil {
		fmt.Fprintf(&b, "<div class=\"failure\"><h2>%s</h2><pre>%s</pre></div>\n", html.EscapeString(failure.Code), html.EscapeString(failure.Message))
	}
	for _, s := range d.sections {
		fmt.Fprintf(&b, "<section><h2>%s</h2>\n%s\n</section>\n", html.EscapeString(s.title), s.body)
	}
	b.WriteString("</body></html>\n")
	return []byte(fault.Lines(b.String())) // whatever the sections took from elsewhere
}
