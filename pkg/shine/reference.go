package shine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/reference"
	"github.com/cosmostat/constellation/pkg/settings"
)

// reference runs the engine of package reference, in this process.
func (j *Job) reference(ctx context.Context, out string, m *manifest.Manifest) error {
	r, err := reference.Run(ctx, j.Dir, m, reference.Options{Portraits: 6})
	if err != nil {
		return err
	}
	shear, sources := r.Rows()
	s := summary{Engine: settings.EngineReference, ConfigID: j.ConfigID, Plan: m.Plan, Fit: &r.Summary}
	if r.N == 0 {
		s.Reason = "no core source is good enough to measure shear from"
	}
	if err := writePortraits(filepath.Join(out, DiagnosticsDirectory), r.Portraits); err != nil {
		return err
	}
	return write(out, shear, sources, s)
}

// writePortraits leaves the panels that a report shows.
func writePortraits(dir string, all []reference.Portrait) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	listed := make([]Panel, len(all))
	for i := range all {
		p := &all[i]
		listed[i] = Panel{File: fmt.Sprintf("%d.png", i+1), Caption: fmt.Sprintf("object %d: %.3g µJy, signal-to-noise %.0f, chi-square per degree of freedom %.2f; residual from -5 to 5 standard deviations", p.ID, p.Flux, p.SNR, p.Chi2)}
		var b bytes.Buffer
		if err := png.Encode(&b, panel(p)); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, listed[i].File), b.Bytes(), 0o666); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(listed, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "panels.json"), append(text, '\n'), 0o666)
}

// panel is observed and model in one stretch (arcsinh), and their difference in
// units of the noise, side by side. Masked pixels are black.
func panel(p *reference.Portrait) *image.Gray {
	const zoom, reach = 4, 5.0 // screen pixels; standard deviations
	var noise []float64
	top := 0.0
	for i, w := range p.Weight {
		if w > 0 {
			noise = append(noise, 1/math.Sqrt(w))
		}
		top = max(top, p.Model[i])
	}
	sigma := 1.0
	if len(noise) > 0 {
		slices.Sort(noise)
		sigma = noise[len(noise)/2]
	}
	soft := 3 * sigma
	low, high := math.Asinh(-1), math.Asinh(max(top, 10*sigma)/soft)
	out := image.NewGray(image.Rect(0, 0, zoom*(3*p.NX+2), zoom*p.NY))
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	for i, w := range p.Weight {
		shades := [3]float64{(math.Asinh(p.Observed[i]/soft) - low) / (high - low), (math.Asinh(p.Model[i]/soft) - low) / (high - low),
			(p.Observed[i]-p.Model[i])*math.Sqrt(w)/(2*reach) + 0.5}
		if w == 0 {
			shades[0], shades[2] = 0, 0
		}
		x, y := i%p.NX, p.NY-1-i/p.NX // upward
		for k, s := range shades {
			g := color.Gray{Y: uint8(math.Round(255 * min(max(s, 0), 1)))}
			for j := range zoom * zoom {
				out.SetGray(zoom*(x+k*(p.NX+1))+j%zoom, zoom*y+j/zoom, g)
			}
		}
	}
	return out
}
