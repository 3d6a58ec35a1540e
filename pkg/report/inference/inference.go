package inference

import (
	"encoding/base64"
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

// most is how many sources are drawn; of more, every second, third, and so on.
const most = 5000

// Section is a titled part of a deck.
type Section struct{ Title, HTML string }

// Sections are the parts of a sub-tile's report; those without content are left out.
func Sections(f *shine.Found) []Section {
	all := []Section{
		{"Sub-tile", facts(f)},
		{"Convergence", convergence(f.Diagnostics.Convergence)},
		{"Observed, model, residual", panels(f.Diagnostics.Panels)},
		{"Sources by flux and size", sizes(f.Sources)},
	}
	out := all[:0]
	for _, s := range all {
		if s.HTML != "" {
			out = append(out, s)
		}
	}
	return out
}

func facts(f *shine.Found) string {
	o, s := f.Outcome, f.Shear
	t := report.Table{}
	t.Add("tile", o.TileID)
	t.Add("sub-tile", o.Name())
	t.Add("status", o.Status)
	if o.Reason != "" {
		t.Add("reason", o.Reason)
	}
	if o.Status == survey.StatusOK {
		t.Add("g1", measured(s.G1, s.G1Err))
		t.Add("g2", measured(s.G2, s.G2Err))
		t.Add("sources that it was measured from", s.NSources)
		t.Add("method", s.Method)
		if s.Convergence != nil {
			t.Add("convergence (smaller is better)", *s.Convergence)
		}
		t.Add("core sources reported", len(f.Sources))
		t.Add("of those flagged", flagged(f.Sources))
	}
	t.Add("directory", o.Directory)
	return t.HTML()
}

func flagged(sources []results.Source) (n int) {
	for _, s := range sources {
		if s.Flags != 0 {
			n++
		}
	}
	return n
}

func measured(v, err *float32) string {
	if v == nil {
		return "not measured"
	}
	if err == nil {
		return fmt.Sprintf("%+.4f, without an error", *v)
	}
	return fmt.Sprintf("%+.4f ± %.4f", *v, *err)
}

// convergence draws a loss above the least that was reached: it falls by orders
// of magnitude, and is large.
func convergence(c *shine.Curve) string {
	if c == nil {
		return ""
	}
	least, last := math.Inf(1), len(c.Values)-1
	for _, v := range c.Values {
		least = min(least, v)
	}
	above := make([]float64, len(c.Values))
	for i, v := range c.Values {
		above[i] = v - least
	}
	ch := newChart(newAxis("step", false, 0, 0, c.Steps), newAxis(c.Label+" above its least", true, 0, 0, above))
	ch.line(c.Steps, above, "#1f5fa8")
	return ch.svg("convergence") + fmt.Sprintf("<p>%s: %.8g at step %g, %.8g at step %g, at least %.8g.</p>\n",
		html.EscapeString(c.Label), c.Values[0], c.Steps[0], c.Values[last], c.Steps[last], least)
}

func panels(all []shine.Panel) string {
	var b strings.Builder
	for _, p := range all {
		fmt.Fprintf(&b, `<figure style="display:inline-block;vertical-align:top;width:31em;margin:0 2em 1em 0"><img alt="%[1]s" src="data:image/png;base64,%[2]s" style="max-width:100%%;max-height:11em"><figcaption>%[1]s</figcaption></figure>`+"\n",
			html.EscapeString(p.Caption), base64.StdEncoding.EncodeToString(p.PNG))
	}
	return b.String()
}

func sizes(sources []results.Source) string {
	var good, bad [2][]float64
	step := (len(sources) + most - 1) / most
	for i := 0; i < len(sources); i += max(step, 1) {
		s := &sources[i]
		if s.Flux == nil || s.HLR == nil {
			continue
		}
		to := &good
		if s.Flags != 0 {
			to = &bad
		}
		to[0], to[1] = append(to[0], float64(*s.Flux)), append(to[1], float64(*s.HLR))
	}
	if len(good[0])+len(bad[0]) == 0 {
		return ""
	}
	c := newChart(newAxis("flux in µJy", true, 0, 0, good[0], bad[0]), newAxis("half-light radius in arcsec", true, 0, 0, good[1], bad[1]))
	b := c.points(bad[0], bad[1], "#c7772e")
	g := c.points(good[0], good[1], "#1f5fa8")
	note := fmt.Sprintf("%d sources (blue), %d with flags (orange)", g, b)
	if step > 1 {
		note += fmt.Sprintf("; one of %d is drawn", step)
	}
	if lost := len(good[0]) + len(bad[0]) - g - b; lost > 0 {
		note += fmt.Sprintf("; %d whose flux or size is not positive are not", lost)
	}
	return c.svg("sources by flux and size") + "<p>" + note + ".</p>\n"
}
