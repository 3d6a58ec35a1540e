package task

import (
	"bytes"
	"html/template"
	"sync"
)

// Deck is the report page of an attempt, which the console shows. Its methods
// can be called from several goroutines, and on nil they do nothing.
type Deck struct {
	mu       sync.Mutex
	sections []section
}

type section struct {
	Title string
	Body  template.HTML
}

// AddHTML adds a section. The body is HTML as it is, styles and images inline:
// the console shows the page alone, without a network.
func (d *Deck) AddHTML(title, body string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sections = append(d.sections, section{title, template.HTML(body)})
}

var deckPage = template.Must(template.New("deck").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title>
<style>
body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#1b1b1b}
h1{font-size:1.4em}h2{font-size:1.15em;border-bottom:1px solid #ddd;margin-top:2em}
table{border-collapse:collapse}td,th{border:1px solid #ddd;padding:.2em .6em;text-align:left}
pre{background:#f6f6f6;padding:1em;overflow:auto}.failure{border-left:4px solid #c00;padding-left:1em}
</style></head><body><h1>{{.Title}}</h1>
{{with .Failure}}<div class="failure"><h2>{{.Code}}</h2><pre>{{.Message}}</pre></div>{{end}}
{{range .Sections}}<section><h2>{{.Title}}</h2>
{{.Body}}
</section>{{end}}
</body></html>
`))

type deckFailure struct{ Code, Message string }

// page renders the deck; nil where there is nothing to show.
func (d *Deck) page(title string, failure *deckFailure) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sections) == 0 && failure == nil {
		return nil, nil
	}
	var b bytes.Buffer
	err := deckPage.Execute(&b, struct {
		Title    string
		Failure  *deckFailure
		Sections []section
	}{title, failure, d.sections})
	return b.Bytes(), err
}
