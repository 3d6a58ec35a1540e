package inference_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/png"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/report/inference"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

func sources(n int) []results.Source {
	out := make([]results.Source, n)
	for i := range out {
		f := math.Exp(float64(i%17) / 4)
		out[i] = results.Source{ObjectID: int64(i), Flux: new(float32(f)), HLR: new(float32(0.2 + 0.01*f)), Flags: int32(i % 2)}
	}
	return out
}

func found() *shine.Found {
	var picture bytes.Buffer
	png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 4)))
	c := &shine.Curve{Label: "loss <&>"}
	for i := range 100 {
		c.Steps, c.Values = append(c.Steps, float64(i+1)), append(c.Values, 5e6+1e5*math.Exp(-float64(i)/8))
	}
	c.Values[7] = math.NaN()
	return &shine.Found{
		Outcome:     survey.Outcome{SubTileID: sky.ID(102018211, 2, 1), Status: survey.StatusOK, Directory: "s3://b/run/102018211/2_1"},
		Shear:       results.Shear{G1: new(float32(0.05)), G1Err: new(float32(0.012)), G2: new(float32(-0.04)), NSources: 9, Method: "map", Convergence: new(float32(0.01))},
		Sources:     sources(20),
		Diagnostics: shine.Diagnostics{Convergence: c, Panels: []shine.Panel{{File: "1.png", Caption: "a <b>", PNG: picture.Bytes()}}},
	}
}

func TestSections(t *testing.T) {
	all := inference.Sections(found())
	page := ""
	for _, s := range all {
		page += s.HTML
	}
	for _, want := range []string{"+0.0500 ± 0.0120", "-0.0400, without an error", "s3://b/run/102018211/2_1", "data:image/png;base64,", "a &lt;b&gt;", "loss &lt;&amp;&gt; above its least", "10 sources (blue), 10 with flags (orange)"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if len(all) != 4 {
		t.Errorf("%d sections", len(all))
	}
	if m := regexp.MustCompile(`(src|href)="(https?:|//|file:)`).FindString(page); m != "" || strings.Contains(page, "<script") {
		t.Errorf("the page reaches out: %s", m)
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
		wellFormed(t, svg)
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("drawn beyond the numbers: %s", svg)
		}
	}
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

// TestWithout leaves out what is not there.
func TestWithout(t *testing.T) {
	f := &shine.Found{Outcome: survey.Outcome{SubTileID: sky.ID(1, 0, 0), Status: survey.StatusFailed, Reason: "InferenceMemory"}}
	all := inference.Sections(f)
	if len(all) != 1 || !strings.Contains(all[0].HTML, "InferenceMemory") || strings.Contains(all[0].HTML, "g1") {
		t.Errorf("%+v", all)
	}
	// One source, sizes that a logarithm can't show, a loss that stands still.
	f = found()
	f.Sources = []results.Source{{Flux: new(float32(3)), HLR: new(float32(0.3))}, {Flux: new(float32(-1)), HLR: new(float32(0.3))}, {}}
	for i := range f.Diagnostics.Convergence.Values {
		f.Diagnostics.Convergence.Values[i] = 7
	}
	page := ""
	for _, s := range inference.Sections(f) {
		page += s.HTML
	}
	if !strings.Contains(page, "1 sources (blue), 0 with flags (orange); 1 whose flux or size is not positive are not.") || strings.Contains(page, "NaN") {
		t.Error(page)
	}
}

// TestBounded: a crowded sub-tile makes no heavy page.
func TestBounded(t *testing.T) {
	f := found()
	f.Sources = sources(200_000)
	n := 0
	for _, s := range inference.Sections(f) {
		n += len(s.HTML)
	}
	if n > 200_000 {
		t.Errorf("%d bytes", n)
	}
}
