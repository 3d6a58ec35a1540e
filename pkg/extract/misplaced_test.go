package extract

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Where the index took the HDUs of a BKG, WGT or PSF file to be in an order
// that they are not in, they are looked up.
func TestLooksUpMisplaced(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	right, wrong := v.job(v.base+"/right"), v.job(v.base+"/wrong")
	if _, err := Tile(t.Context(), right); err != nil {
		t.Fatal(err)
	}
	last := len(wrong.Quadrants) - 1
	for i := range wrong.Quadrants[:last/2] {
		a, b := &wrong.Quadrants[i], &wrong.Quadrants[last/2-i]
		a.BKG, b.BKG = b.BKG, a.BKG
	}
	report, err := Tile(t.Context(), wrong)
	if err != nil {
		t.Fatal(err)
	}
	if report.HeaderBytes == 0 {
		t.Error("nothing was looked up")
	}
	same(t, v.listing(v.base+"/right"), v.listing(v.base+"/wrong"), "")
}

// victim is the SCI of a quadrant in the middle of a DET file.
const victim = 3 * 9

// mischief is what may be wrong in the middle of a DET file, of which the index
// reads the headers of SCI only: after the first few quadrants, the others are
// taken to be like them.
func mischief(v *fixture) map[string]struct {
	do   func(all []detHDU) []detHDU
	code string   // of the error, empty where there is none
	says []string // in it
} {
	at := sky.Coord{RA: 12, Dec: -40}
	named := func(name string) detHDU { return v.image(name, at, v.nx, v.ny) }
	blocks := int(fits.Pad(int64(v.nx*v.ny*4)) / fits.Block)
	sized := func(name string, blocks int) detHDU { return v.image(name, at, fits.Block/4, blocks) }
	name := func(h detHDU) string { s, _ := h.header.Text("EXTNAME"); return s }
	return map[string]struct {
		do   func(all []detHDU) []detHDU
		code string
		says []string
	}{
		"as always": {do: func(all []detHDU) []detHDU { return all }},
		"RMS and FLG swapped": {do: func(all []detHDU) []detHDU {
			all[victim+1], all[victim+2] = all[victim+2], all[victim+1]
			return all
		}},
		"RMS of neighbours swapped": {do: func(all []detHDU) []detHDU {
			all[victim+1], all[victim+4] = all[victim+4], all[victim+1]
			return all
		}},
		"shuffled": {do: func(all []detHDU) []detHDU {
			rand.New(rand.NewPCG(3, 4)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			return all
		}},
		"quadrants shuffled": {do: func(all []detHDU) []detHDU {
			for i, j := range rand.New(rand.NewPCG(3, 4)).Perm(len(all) / 3) {
				for k := range 3 {
					all[3*i+k], all[3*j+k] = all[3*j+k], all[3*i+k]
				}
			}
			return all
		}},
		"of other sizes": {do: func(all []detHDU) []detHDU {
			all[victim+1] = sized(name(all[victim+1]), blocks-3)
			return all
		}},
		"of other sizes with the same sum": {do: func(all []detHDU) []detHDU {
			all[victim+1], all[victim+2] = sized(name(all[victim+1]), blocks-3), sized(name(all[victim+2]), blocks+3)
			return all
		}},
		"one more": {do: func(all []detHDU) []detHDU {
			return slices.Insert(all, victim+1, named("EXTRA"))
		}},
		"one more in the place of two": {do: func(all []detHDU) []detHDU {
			all[victim+2] = sized(name(all[victim+2]), blocks-6)
			return slices.Insert(all, victim+2, sized("EXTRA", 5))
		}},
		"one more with a name": {do: func(all []detHDU) []detHDU {
			return slices.Insert(all, victim+1, named(name(all[victim+1])))
		}, code: "DuplicateHDU", says: []string{"1-2.E.RMS"}},
		"another RMS in the place of FLG": {do: func(all []detHDU) []detHDU {
			all[victim+2] = named(name(all[victim+1]))
			return all
		}, code: "DuplicateHDU"},
		"no FLG": {do: func(all []detHDU) []detHDU {
			all[victim+2] = named("EXTRA")
			return all
		}, code: "MissingHDU", says: []string{"is not there", "data.max_missing"}},
	}
}

// Whatever is where in a DET file, products have the HDUs of their names, byte
// for byte, or there are none.
func TestMischiefInTheMiddle(t *testing.T) {
	m := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	m.nx, m.ny = 180, 160 // so large that the index presumes where HDUs are
	m.expose("002681", "00", sky.Offset{})
	m.catalogs = append(m.catalogs, m.catalog("own.fits", 1, m.scatter(-4, 4, 300)))
	for name, c := range mischief(m) {
		t.Run(name, func(t *testing.T) { m.suffers(t, c.do, c.code, c.says, settings.CopyStream, "out/"+name) })
	}
	server := s3test.Start(t)
	server.Bucket(t, "survey")
	server.Setenv(t)
	v := large(t, objstore.Open(t.Context(), objstore.Config{}), "s3://survey")
	for _, name := range []string{"RMS and FLG swapped", "one more in the place of two", "no FLG"} { // large files
		c := mischief(v)[name]
		t.Run(name+", by the server", func(t *testing.T) {
			v.suffers(t, c.do, c.code, c.says, settings.CopyServer, "out/"+strings.ReplaceAll(name, " ", "-"))
		})
	}
}

func (v *fixture) suffers(t *testing.T, do func([]detHDU) []detHDU, code string, says []string, copy settings.Copy, to string) {
	e := &v.exposures[0]
	b := bytes.NewBuffer(primary(e.ExposureID))
	for i, h := range do(v.detHDUs(sky.Offset{})) {
		v.hdu(b, h.header, h.pixels, i)
	}
	e.DET = v.write("VIS/002681/DET_002681_00_1.fits", b.Bytes())
	before := v.store.Usage().Requests
	qs, err := euclid.ReadQuadrants(t.Context(), v.store, euclid.Exposure{ExposureID: e.ExposureID, DET: e.DET})
	requests := v.store.Usage().Requests - before
	if err != nil {
		if fault.CodeOf(err) != code {
			t.Errorf("the index: %v", err)
		}
		return
	}
	job := v.job(objstore.Join(v.base, to))
	job.Copy = copy
	if len(qs) != 16 || len(job.Quadrants) != 16 {
		t.Fatalf("%d quadrants, %d in all files", len(qs), len(job.Quadrants))
	}
	_, err = Tile(t.Context(), job)
	t.Logf("%d requests for the index, then %v", requests, err)
	if code != "" {
		if fault.CodeOf(err) != code || fault.KindOf(err) != fault.BadData {
			t.Errorf("got %v", err)
		}
		for _, word := range append(says, e.DET.URI) {
			if !strings.Contains(fmt.Sprint(err), word) {
				t.Errorf("%v does not say %q", err, word)
			}
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	files := v.listing(job.Dir)
	for i := range job.SubTiles {
		checkSubTile(t, v, job, i, files)
	}
}
