package shine

import (
	"bytes"
	"encoding/json"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DiagnosticsDirectory lies in the results' directory. An engine may leave
// there what people look at, and nothing else reads:
//
//	convergence.json  {"label": "loss", "steps": [0, 10, ...], "values": [5.1e6, ...]}
//	panels.json       [{"file": "1.png", "caption": "..."}, ...]
//	*.png             observed, model and residual of a few sources, side by side
//
// Pictures that panels.json doesn't list are shown under their names. What is
// too large or can't be read is left out: diagnostics never fail a sub-tile.
const DiagnosticsDirectory = "diagnostics"

// Bounds of what a report shows.
const (
	maxPanels     = 12
	maxPanelBytes = 256 << 10
	maxPanelSide  = 2048 // pixels
	maxCurve      = 2000 // points
)

// Diagnostics are an engine's pictures of one inference.
type Diagnostics struct {
	Convergence *Curve
	Panels      []Panel
}

// Curve is how a loss fell, or another number of that kind.
type Curve struct {
	Label  string    `json:"label"`
	Steps  []float64 `json:"steps"`
	Values []float64 `json:"values"`
}

// Panel is a picture, as PNG.
type Panel struct {
	File    string `json:"file"`
	Caption string `json:"caption"`
	PNG     []byte `json:"-"`
}

// readDiagnostics reads what is usable in a directory.
func readDiagnostics(dir string) (d Diagnostics) {
	var curve Curve
	if read(filepath.Join(dir, "convergence.json"), maxCurve*64, &curve) && curve.usable() {
		d.Convergence = &curve
	}
	var listed []Panel
	read(filepath.Join(dir, "panels.json"), 64<<10, &listed)
	found, _ := filepath.Glob(filepath.Join(dir, "*.png"))
	slices.Sort(found)
	for _, path := range found {
		if name := filepath.Base(path); !slices.ContainsFunc(listed, func(p Panel) bool { return p.File == name }) {
			listed = append(listed, Panel{File: name, Caption: strings.TrimSuffix(name, ".png")})
		}
	}
	for _, p := range listed {
		if len(d.Panels) == maxPanels || p.File != filepath.Base(p.File) {
			continue
		}
		data, ok := bounded(filepath.Join(dir, p.File), maxPanelBytes)
		size, err := png.DecodeConfig(bytes.NewReader(data))
		if !ok || err != nil || size.Width > maxPanelSide || size.Height > maxPanelSide {
			continue
		}
		p.PNG, p.Caption = data, p.Caption[:min(len(p.Caption), 200)]
		d.Panels = append(d.Panels, p)
	}
	return d
}

func (c *Curve) usable() bool {
	if len(c.Steps) != len(c.Values) || len(c.Steps) < 2 || len(c.Steps) > maxCurve || len(c.Label) > 80 {
		return false
	}
	for i := range c.Steps {
		if math.IsInf(c.Values[i], 0) || i > 0 && !(c.Steps[i] > c.Steps[i-1]) {
			return false
		}
	}
	return true
}

func read(path string, limit int64, to any) bool {
	data, ok := bounded(path, limit)
	return ok && json.Unmarshal(data, to) == nil
}

// bounded reads a regular file that is not too large.
func bounded(path string, limit int64) ([]byte, bool) {
	if at, err := os.Lstat(path); err != nil || !at.Mode().IsRegular() || at.Size() > limit {
		return nil, false
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit))
	return data, err == nil
}
