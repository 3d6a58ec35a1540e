package extract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// spoil changes a file of an exposure, in an HDU.
func (v *fixture) spoil(f *euclid.File, hdu string, change func(raw []byte, h *fits.HDU)) {
	v.t.Helper()
	raw := v.read(f.URI)
	all, err := fits.ReadIndex(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		v.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(h *fits.HDU) bool { return h.Name == hdu })
	if i < 0 {
		v.t.Fatalf("no HDU %s", hdu)
	}
	change(raw, all[i])
	path, err := objstore.Rel(v.base, f.URI)
	if err != nil {
		v.t.Fatal(err)
	}
	was := f.URI
	now := v.write(path, raw)
	for k := range v.exposures { // a PSF file is that of several
		e := &v.exposures[k]
		for _, g := range []*euclid.File{&e.DET, &e.BKG, &e.WGT, &e.PSF} {
			if g.URI == was {
				*g = now
			}
		}
	}
}

// card puts a card in the place of the last one of a keyword.
func card(keyword, card string) func(raw []byte, h *fits.HDU) {
	return func(raw []byte, h *fits.HDU) {
		head := raw[h.Offset:h.DataOffset()]
		at := bytes.Index(head, []byte(fmt.Sprintf("%-8s=", keyword)))
		if at < 0 {
			panic("no card " + keyword)
		}
		copy(head[at:], fmt.Sprintf("%-80s", card))
	}
}

// A file that can't be used costs its exposures, if that is let pass, and else
// the tile. What is left is what there would be without those exposures.
func TestLosesExposures(t *testing.T) {
	pixel := func(raw []byte, h *fits.HDU) { raw[h.DataOffset()+5] ^= 1 }
	first, second := "002681_00_1", "002681_01_1"
	for name, c := range map[string]struct {
		file   func(e *euclid.Exposure) *euclid.File // of the first exposure
		hdu    string
		change func(raw []byte, h *fits.HDU)
		lost   []string
		says   []string
	}{
		"a pixel of SCI":      {file: det, hdu: "1-2.E.SCI", change: pixel, lost: []string{first}, says: []string{"1-2.E.SCI", "DATASUM", "data.verify: warn"}},
		"a pixel of FLG":      {file: det, hdu: "2-2.H.FLG", change: pixel, lost: []string{first}, says: []string{"2-2.H.FLG", "DATASUM"}},
		"a pixel of BKG":      {file: bkg, hdu: "1-1.E", change: pixel, lost: []string{first}, says: []string{"BKG", "1-1.E"}},
		"a pixel of PSF":      {file: psf, hdu: "1-1.E", change: pixel, lost: []string{first, second}, says: []string{"PSF", "1-1.E"}},
		"CHECKSUM":            {file: det, hdu: "1-2.E.RMS", change: card("CHECKSUM", "CHECKSUM= 'AAAAAAAAAAAAAAAA'"), lost: []string{first}, says: []string{"1-2.E.RMS", "sum", "data.max_missing"}},
		"contradicting cards": {file: det, hdu: "1-2.E.RMS", change: card("MAGZEROP", "NAXIS1  = 7"), lost: []string{first}, says: []string{"NAXIS1", "card", "data.max_missing"}},
		"no such HDU":         {file: bkg, hdu: "2-1.F", change: card("EXTNAME", "EXTNAME = 'OTHER'"), lost: []string{first}, says: []string{"BKG", "2-1.F is not there"}},
	} {
		for _, most := range []int{0, 1, 2} {
			t.Run(fmt.Sprintf("%s, %d may be lost", name, most), func(t *testing.T) {
				v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
				v.signed = true
				if strings.HasPrefix(name, "contradicting") {
					v.nx, v.ny = 180, 160 // so large that the index presumes where HDUs are
				}
				for i, obs := range []string{"002681", "002681", "002682"} {
					v.expose(obs, fmt.Sprintf("0%d", i%2), [3]sky.Offset{{}, {Xi: 0.4 / 60, Eta: -0.7 / 60}, {Xi: -0.3 / 60}}[i])
				}
				v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 300)))
				good := v.job(v.base + "/good")
				v.spoil(c.file(&v.exposures[0]), c.hdu, c.change)
				job := v.job(v.base + "/out")
				job.MaxLost = most
				report, err := Tile(t.Context(), job)
				if len(c.lost) > most {
					if err == nil || fault.KindOf(err) != fault.BadData {
						t.Fatalf("%v", err)
					}
					for _, word := range append(c.says, "mem://bucket/VIS/002681/") {
						if !strings.Contains(err.Error(), word) {
							t.Errorf("%v does not say %q", err, word)
						}
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var lost []string
				for _, l := range report.Lost {
					lost = append(lost, l.Exposure.String())
					for _, word := range append(c.says, "mem://bucket/VIS/002681/") {
						if !strings.Contains(l.Reason, word) {
							t.Errorf("%s does not say %q", l, word)
						}
					}
				}
				if !slices.Equal(lost, c.lost) {
					t.Errorf("lost %v, want %v", lost, c.lost)
				}
				gone := func(e euclid.ExposureID) bool { return slices.Contains(c.lost, e.String()) }
				good.Exposures = slices.DeleteFunc(slices.Clone(good.Exposures), func(e euclid.Exposure) bool { return gone(e.ExposureID) })
				good.Quadrants = slices.DeleteFunc(slices.Clone(good.Quadrants), func(q euclid.Quadrant) bool { return gone(q.Exposure) })
				if _, err := Tile(t.Context(), good); err != nil {
					t.Fatal(err)
				}
				same(t, v.listing(v.base+"/good"), v.listing(v.base+"/out"), "")
			})
		}
	}
}

func det(e *euclid.Exposure) *euclid.File { return &e.DET }
func bkg(e *euclid.Exposure) *euclid.File { return &e.BKG }
func psf(e *euclid.Exposure) *euclid.File { return &e.PSF }

// Where all exposures would be lost, the tile is, however many may be.
func TestLosesAllExposures(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.signed = true
	v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 300)))
	v.spoil(&v.exposures[0].BKG, "1-1.E", func(raw []byte, h *fits.HDU) { raw[h.DataOffset()] ^= 1 })
	job := v.job(v.base + "/out")
	job.MaxLost = 5
	_, err := Tile(t.Context(), job)
	if fault.CodeOf(err) != fits.CodeChecksum || !strings.Contains(err.Error(), "none of the tile's exposures") {
		t.Errorf("got %v", err)
	}
}

// With a warning, HDUs are used that don't match their checksums, and named; an
// attempt after one that was stopped names them, too.
func TestUnverified(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.signed = true
	v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 300)))
	v.spoil(&v.exposures[0].DET, "1-2.E.RMS", card("CHECKSUM", "CHECKSUM= 'AAAAAAAAAAAAAAAA'"))
	job := v.job(v.base + "/out")
	job.Unverified, job.Progress = true, &remembered{}
	for range 2 {
		report, err := Tile(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Unverified) != 1 || len(report.Lost) != 0 ||
			!strings.Contains(report.Unverified[0], v.exposures[0].DET.URI) || !strings.Contains(report.Unverified[0], "1-2.E.RMS") {
			t.Errorf("unverified %q, lost %v", report.Unverified, report.Lost)
		}
	}
	files := v.listing(job.Dir)
	for i := range job.SubTiles {
		checkSubTile(t, v, job, i, files)
	}
	job.Unverified = false
	if _, err := Tile(t.Context(), job); fault.CodeOf(err) != fits.CodeChecksum {
		t.Errorf("strictly: %v", err)
	}
}

// late is a source of which one file is read after others.
type late struct {
	objstore.Reader
	uri string
}

func (l late) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	if uri == l.uri {
		time.Sleep(30 * time.Millisecond)
	}
	return l.Reader.Get(ctx, uri, etag, r)
}

// TestSameBlame: of several faults the same one is blamed, whichever is found first.
func TestSameBlame(t *testing.T) {
	pixel := func(raw []byte, h *fits.HDU) { raw[h.DataOffset()+5] ^= 1 }
	for most, says := range []string{"copy BKG of exposure 002681_00_1", "copy BKG of exposure 002681_01_1", "copy BKG of exposure 002682_00_1"} {
		for slow := range 3 {
			v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
			v.signed = true
			for i, obs := range []string{"002681", "002681", "002682"} {
				v.expose(obs, fmt.Sprintf("0%d", i%2), [3]sky.Offset{{}, {Xi: 0.4 / 60, Eta: -0.7 / 60}, {Xi: -0.3 / 60}}[i])
			}
			v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 30)))
			for i := range v.exposures {
				v.spoil(bkg(&v.exposures[i]), "1-1.E", pixel)
			}
			job := v.job(v.base + "/out")
			job.MaxLost, job.Source = most, late{job.Source, v.exposures[slow].BKG.URI}
			if _, err := Tile(t.Context(), job); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%d may be lost, exposure %d is slow: %v, want one of %s", most, slow, err, says)
			}
		}
	}
}
