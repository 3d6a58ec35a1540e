package manifest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Write writes a manifest as YAML. Of two equal manifests it writes equal bytes.
func Write(w io.Writer, m *Manifest) error {
	if err := m.finite(); err != nil {
		return err
	}
	p := &printer{w: bufio.NewWriterSize(w, 64<<10)}
	p.line("tile_id: %d", m.TileID)
	p.line("sub_tile_row: %d", m.Row)
	p.line("sub_tile_col: %d", m.Col)
	p.line("sky_bounds: {core_ra: %s, core_dec: %s, extended_ra: %s, extended_dec: %s}",
		pair(m.Bounds.CoreRA), pair(m.Bounds.CoreDec), pair(m.Bounds.ExtendedRA), pair(m.Bounds.ExtendedDec))
	p.list("quadrants", len(m.Quadrants), func(i int) string { return m.Quadrants[i].flow() })
	p.line("source_catalog: %s", text(m.Catalog))
	p.ids("source_ids", m.Sources)
	p.ids("core_source_ids", m.Core)

	p.line("format_version: %d", m.FormatVersion)
	if len(m.Catalogs) > 0 {
		p.list("source_catalogs", len(m.Catalogs), func(i int) string { return text(m.Catalogs[i]) })
	}
	if m.ConfigID != "" {
		p.line("config_id: %s", text(m.ConfigID))
	}
	if m.Plan != "" {
		p.line("plan: %s", text(m.Plan))
	}
	p.line("centre: %s", pair(m.Centre))
	p.polygon("core_polygon", m.CorePolygon)
	p.polygon("extended_polygon", m.ExtendedPolygon)
	if len(m.Files) > 0 {
		p.list("files", len(m.Files), func(i int) string {
			f := m.Files[i]
			algorithm, sum := "sha256", f.SHA256
			if f.CRC64NVME != "" {
				algorithm, sum = "crc64nvme", f.CRC64NVME
			}
			return fmt.Sprintf("{path: %s, size: %d, %s: %s}", text(f.Path), f.Size, algorithm, text(sum))
		})
	}
	for _, c := range []struct {
		key string
		of  *sky.Coverage
	}{{"core_coverage", m.CoreCoverage}, {"extended_coverage", m.ExtendedCoverage}} {
		if c.of != nil {
			p.line("%s: %s", c.key, flow(c.of))
		}
	}
	return p.w.Flush()
}

func (q Quadrant) flow() string {
	return fmt.Sprintf("{sci_path: %s, rms_path: %s, flg_path: %s, bkg_path: %s, wgt_path: %s, psf_path: %s,"+
		" quadrant: %s, obs_id: %s, dither: %s, ccd: %s, exposure_time: %s}",
		text(q.SCI), text(q.RMS), text(q.FLG), text(q.BKG), text(q.WGT), text(q.PSF),
		text(q.Quadrant), text(q.Obs), text(q.Dither), text(q.CCD), number(q.ExpTime))
}

// finite refuses numbers that YAML readers don't agree on.
func (m *Manifest) finite() error {
	bad := func(field string, v ...float64) error {
		for _, f := range v {
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return fault.Data(CodeInvalid, "%v is no value for a manifest", f).At("%s", field)
			}
		}
		return nil
	}
	b := m.Bounds
	for field, r := range map[string][2]float64{
		"centre": m.Centre, "sky_bounds.core_ra": b.CoreRA, "sky_bounds.core_dec": b.CoreDec, "sky_bounds.extended_ra": b.ExtendedRA, "sky_bounds.extended_dec": b.ExtendedDec,
	} {
		if err := bad(field, r[:]...); err != nil {
			return err
		}
	}
	for i, q := range m.Quadrants {
		if err := bad(fmt.Sprintf("quadrants[%d].exposure_time", i), q.ExpTime); err != nil {
			return err
		}
	}
	for field, c := range map[string]*sky.Coverage{"core_coverage": m.CoreCoverage, "extended_coverage": m.ExtendedCoverage} {
		if c == nil {
			continue
		}
		if err := bad(field, append([]float64{c.Fraction, c.Mean}, c.ByDepth...)...); err != nil {
			return err
		}
	}
	for _, corners := range [][][2]float64{m.CorePolygon, m.ExtendedPolygon} {
		for _, c := range corners {
			if err := bad("polygon", c[:]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// printer writes the few forms of YAML that a manifest needs. Errors surface at Flush.
type printer struct{ w *bufio.Writer }

func (p *printer) line(format string, a ...any) {
	fmt.Fprintf(p.w, format, a...)
	p.w.WriteByte('\n')
}

func (p *printer) list(key string, n int, item func(int) string) {
	if n == 0 {
		p.line("%s: []", key)
		return
	}
	p.line("%s:", key)
	for i := range n {
		p.line("  - %s", item(i))
	}
}

// ids are wrapped, so that a person may still look at the file.
func (p *printer) ids(key string, ids []int64) {
	if len(ids) == 0 {
		p.line("%s: []", key)
		return
	}
	p.w.WriteString(key + ": [")
	var digits [20]byte
	for i, id := range ids {
		switch {
		case i == 0:
		case i%6 == 0:
			p.w.WriteString(",\n  ")
		default:
			p.w.WriteString(", ")
		}
		p.w.Write(strconv.AppendInt(digits[:0], id, 10))
	}
	p.w.WriteString("]\n")
}

func (p *printer) polygon(key string, corners [][2]float64) {
	if len(corners) == 0 {
		return
	}
	s := make([]string, len(corners))
	for i, c := range corners {
		s[i] = pair(c)
	}
	p.line("%s: [%s]", key, strings.Join(s, ", "))
}

func pair(v [2]float64) string { return "[" + number(v[0]) + ", " + number(v[1]) + "]" }

// number always has a point and never an exponent: to readers of YAML 1.1,
// 1e-05 is a string and 12 an integer.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// text is a double-quoted YAML string; every JSON string is one.
func text(s string) string {
	b := new(strings.Builder)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // can't be: any string has a JSON form
		return strconv.Quote(s)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
