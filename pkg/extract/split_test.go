package extract

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// inThree replaces an exposure's DET by three files with the same HDUs; bare leaves
// the plane off their names; order gives the order of quadrants in each.
func (v *fixture) inThree(e *euclid.Exposure, bare bool, order map[string]func([][]byte)) {
	v.t.Helper()
	whole := v.read(e.DET.URI)
	list, err := fits.ReadIndex(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		v.t.Fatal(err)
	}
	planes := map[string][][]byte{}
	for _, h := range list[1:] {
		plane := strings.ToLower(h.Name[len("3-4.F."):])
		one := slices.Clone(whole[h.Offset:h.End()])
		if bare {
			if err := fits.Rename(one[:h.HeaderSize], h.Name[:len("3-4.F")]); err != nil {
				v.t.Fatal(err)
			}
		}
		planes[plane] = append(planes[plane], one)
	}
	for part, to := range map[string]*euclid.File{"sci": &e.DET, "rms": &e.RMS, "flg": &e.FLG} {
		if order[part] != nil {
			order[part](planes[part])
		}
		hdus := append([][]byte{whole[:list[0].End()]}, planes[part]...)
		*to = v.write(fmt.Sprintf("VIS/%s/DET_%s_%s.fits", e.Obs, e.ExposureID, part), bytes.Join(hdus, nil))
	}
}

// What is made of a split DET is, byte for byte, what is made of the combined one;
// the manifest names the file that each plane came from.
func TestSplitTile(t *testing.T) {
	backwards := map[string]func([][]byte){"rms": func(h [][]byte) { slices.Reverse(h) }}
	onEveryStore(t, func(t *testing.T, s store, base string) {
		for what, c := range map[string]struct {
			bare, signed bool
			order        map[string]func([][]byte)
			copy         settings.Copy
			large        bool
		}{
			"streamed":            {},
			"bare names, signed":  {bare: true, signed: true},
			"in other orders":     {order: backwards, signed: true},
			"by the server":       {copy: settings.CopyServer, large: true},
			"bare, by the server": {copy: settings.CopyServer, bare: true, signed: true, large: true},
		} {
			if c.large && !strings.HasPrefix(base, "s3:") {
				continue
			}
			t.Run(what, func(t *testing.T) {
				v := newSurvey(t, s, objstore.Join(base, strings.ReplaceAll(what, " ", "_")))
				v.signed = c.signed
				if c.large { // as large as what a store copies by itself
					v.nx, v.ny, v.few = 1150, 1150, true
				}
				if !c.large {
					v.expose("002681", "00", sky.Offset{})
				}
				v.expose("002681", "143", sky.Offset{Xi: 0.4 / 60, Eta: -0.7 / 60})
				v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 50)))
				run := func(name string) (map[string][]byte, *survey.TileReport) {
					job := v.job(objstore.Join(v.base, name))
					job.Copy = c.copy
					report, err := Tile(t.Context(), job)
					if err != nil {
						t.Fatal(err)
					}
					return v.listing(job.Dir), report
				}
				whole, first := run("whole")
				v.inThree(&v.exposures[len(v.exposures)-1], c.bare, c.order)
				parts, second := run("parts")
				for name := range parts {
					if strings.HasSuffix(name, survey.ManifestFile) {
						v.manifestNamesPlanes(parts[name])
						delete(whole, name)
						delete(parts, name)
					}
				}
				same(t, whole, parts, survey.ProvenanceFile)
				if c.bare && c.large != (second.CopiedBytes < first.CopiedBytes) || !c.bare && second.CopiedBytes < first.CopiedBytes*9/10 || (first.CopiedBytes > 0) != c.large {
					t.Errorf("the store copied %d bytes, of the combined file %d", second.CopiedBytes, first.CopiedBytes)
				}
				if first.PayloadBytes != second.PayloadBytes && !c.large || second.ReferencedBytes != first.ReferencedBytes {
					t.Errorf("%d bytes were copied, %d of the combined file; %d and %d referenced", second.PayloadBytes, first.PayloadBytes, second.ReferencedBytes, first.ReferencedBytes)
				}
				for name, data := range parts {
					if strings.HasSuffix(name, survey.ProvenanceFile) && bytes.Count(data, []byte("DET_002681_143_1_")) != 3 {
						t.Errorf("%s doesn't name the three files: %s", name, data)
					}
				}
			})
		}
	})
}

// manifestNamesPlanes holds an original manifest to the exposures' files.
func (v *fixture) manifestNamesPlanes(text []byte) {
	v.t.Helper()
	m, err := manifest.Read(bytes.NewReader(text))
	if err != nil || len(m.Quadrants) == 0 {
		v.t.Fatalf("%v, %d quadrants", err, len(m.Quadrants))
	}
	for _, q := range m.Quadrants {
		for _, e := range v.exposures {
			if e.Dither == q.Dither && (q.SCI != e.DET.URI || q.RMS != e.Plane(euclid.PartRMS).URI || q.FLG != e.Plane(euclid.PartFLG).URI) {
				v.t.Errorf("%s of %s: %s, %s, %s", q.Quadrant, e.ExposureID, q.SCI, q.RMS, q.FLG)
			}
		}
	}
}

// A run of quadrants takes one request of each of the three files.
func TestSplitRuns(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.inThree(v.expose("002681", "00", sky.Offset{}), false, nil)
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, nil))
	p, err := v.job(v.base + "/out").plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range p.transfers {
		n := 0
		for range runs(tr.pieces) {
			n++
		}
		if n != 1 {
			t.Errorf("%s: %d runs of %d pieces of %d files", tr.purpose, n, len(tr.pieces), len(tr.files))
		}
	}
}

// What is wrong with one of the three files is told of that one; where exposures
// may be lost, the exposure is, with what was copied of it.
func TestSplitLosses(t *testing.T) {
	for what, c := range map[string]struct {
		change func(v *fixture, e *euclid.Exposure)
		code   string
		words  []string
	}{
		"a checksum of rms": {func(v *fixture, e *euclid.Exposure) {
			raw := slices.Clone(v.read(e.RMS.URI))
			raw[len(raw)-fits.Block] ^= 1
			e.RMS = v.write("VIS/002681/DET_002681_01_1_rms.fits", raw)
		}, fits.CodeChecksum, []string{"_rms.fits", ".RMS"}},
		"another plane in flg, since the index": {func(v *fixture, e *euclid.Exposure) {
			e.FLG = v.write("VIS/002681/DET_002681_01_1_flg.fits", v.read(e.RMS.URI))
		}, "MissingHDU", []string{"_flg.fits", ".FLG"}},
	} {
		t.Run(what, func(t *testing.T) {
			v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
			v.signed = true
			v.expose("002681", "00", sky.Offset{})
			v.inThree(v.expose("002681", "01", sky.Offset{Xi: 0.4 / 60}), false, nil)
			v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 50)))
			job := v.job(v.base + "/out")
			c.change(v, &v.exposures[1])
			job.Exposures = v.exposures
			_, err := Tile(t.Context(), job)
			if fault.KindOf(err) != fault.BadData || fault.CodeOf(err) != c.code {
				t.Errorf("%v: code %s, want %s", err, fault.CodeOf(err), c.code)
			}
			for _, word := range c.words {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("%v doesn't say %s", err, word)
				}
			}
			job.MaxLost = 1
			report, err := Tile(t.Context(), job)
			if err != nil || len(report.Lost) != 1 || report.Lost[0].Exposure.Dither != "01" {
				t.Fatalf("%+v, %v", report, err)
			}
			for name, data := range v.listing(job.Dir) {
				if strings.Contains(name, "002681_01_1") || strings.HasSuffix(name, survey.ProvenanceFile) && bytes.Contains(data, []byte("DET_002681_01")) {
					t.Errorf("%s is left of the lost exposure", name)
				}
			}
		})
	}
}

// HDUs of a split file that lie elsewhere than few headers said are looked up.
func TestSplitLookUp(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 50)))
	if _, err := Tile(t.Context(), v.job(v.base+"/whole")); err != nil {
		t.Fatal(err)
	}
	swap := func(h [][]byte) { h[1], h[2] = h[2], h[1] } // not among those that are sampled
	v.inThree(&v.exposures[0], true, map[string]func([][]byte){"flg": swap, "rms": swap})
	job := v.job(v.base + "/parts")
	for i := range job.Quadrants { // as if nobody had seen that they are swapped
		q := &job.Quadrants[i]
		q.RMS, q.FLG = q.SCI, q.SCI
	}
	if _, err := Tile(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	whole, parts := v.listing(v.base+"/whole"), v.listing(v.base+"/parts")
	for name := range whole {
		if strings.HasSuffix(name, "_sci.fits") && !bytes.Equal(whole[name], parts[name]) {
			t.Errorf("%s differs", name)
		}
	}
}
