package extract

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

// store is what tests read from and write to.
type store interface {
	objstore.Store
	Usage() objstore.Usage
}

// fixture is a small survey: a tile of 8' in 2 x 2 sub-tiles, exposures of 4 x 4
// quadrants of 32 x 33 large pixels that cover 14', catalogues of a few columns.
type fixture struct {
	t     testing.TB
	store store
	base  string
	tile  sky.Tile
	grid  sky.Grid

	nx, ny int  // pixels of a quadrant
	signed bool // HDUs have checksums
	few    bool // VIS files have two quadrants only

	exposures  []euclid.Exposure
	catalogs   []euclid.File
	neighbours []euclid.File
}

const (
	quadrantSide  = 3.4 / 60 // degrees
	quadrantPitch = 3.5 / 60
)

func newSurvey(t testing.TB, s store, base string) *fixture {
	return &fixture{
		t: t, store: s, base: base, nx: 32, ny: 33,
		tile: sky.Tile{ID: 102018211, Centre: sky.Coord{RA: 359.98, Dec: -51.5}},
		grid: sky.Grid{Shape: settings.Shape{Rows: 2, Cols: 2}, MarginArcmin: 1, TileArcmin: 8, CoreArcmin: 7.5},
	}
}

// usual is a survey of two dithers with one PSF file, a catalogue and a neighbour's.
func usual(t testing.TB, s store, base string) *fixture {
	v := newSurvey(t, s, base)
	v.expose("002681", "00", sky.Offset{})
	v.expose("002681", "01", sky.Offset{Xi: 0.4 / 60, Eta: -0.7 / 60})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 300)))
	v.neighbours = append(v.neighbours, v.catalog("east.fits", 5000, v.scatter(4, 6, 200)))
	return v
}

func (v *fixture) write(name string, data []byte) euclid.File {
	v.t.Helper()
	uri := objstore.Join(v.base, name)
	info, err := objstore.WriteFile(context.Background(), v.store, uri, data)
	if err != nil {
		v.t.Fatal(err)
	}
	return euclid.File{URI: uri, Size: info.Size, ETag: info.ETag}
}

func (v *fixture) read(uri string) []byte {
	v.t.Helper()
	data, err := objstore.ReadFile(context.Background(), v.store, uri)
	if err != nil {
		v.t.Fatal(err)
	}
	return data
}

// expose writes an exposure's four files; dithers of an observation share the PSF.
func (v *fixture) expose(obs, dither string, shift sky.Offset) *euclid.Exposure {
	v.t.Helper()
	id := euclid.ExposureID{Obs: obs, Dither: dither, Number: "1"}
	name := func(product string) string { return fmt.Sprintf("VIS/%s/%s_%s.fits", obs, product, id) }
	e := euclid.Exposure{
		ExposureID: id,
		DET:        v.write(name("DET"), v.det(id, shift)),
		BKG:        v.write(name("BKG"), v.images(id, 1, "", v.nx, v.ny)),
		WGT:        v.write(name("WGT"), v.images(id, 2, "", v.nx, v.ny)),
	}
	for _, o := range v.exposures {
		if o.Obs == obs {
			e.PSF = o.PSF
		}
	}
	if !e.PSF.Exists() {
		e.PSF = v.write("VIS/"+obs+"/PSF.fits", v.images(id, 3, "", 189, 189))
	}
	v.exposures = append(v.exposures, e)
	return &v.exposures[len(v.exposures)-1]
}

// quadrantNames are those of 2 x 2 CCDs, by row and column of quadrants.
func (v *fixture) quadrantNames(visit func(name string, row, col int)) {
	for row := range 4 {
		for col := range 4 {
			if v.few && (row != 1 || col != 1 && col != 2) {
				continue
			}
			visit(fmt.Sprintf("%d-%d.%c", 1+row/2, 1+col/2, "EFGH"[2*(row%2)+col%2]), row, col)
		}
	}
}

func primary(id euclid.ExposureID) []byte {
	h := fits.NewPrimary().SetText("OBS_ID", id.Obs, "").SetInt("EXPNUM", 1, "").SetBool("EXTEND", true, "")
	for i := range 60 { // as in the real files, it takes more than a block
		h.SetInt(fmt.Sprintf("KEY%d", i), int64(i), "")
	}
	return h.Encode()
}

// det is a DET file: SCI, RMS, FLG of every quadrant.
func (v *fixture) det(id euclid.ExposureID, shift sky.Offset) []byte {
	b := bytes.NewBuffer(primary(id))
	for i, x := range v.detHDUs(shift) {
		v.hdu(b, x.header, x.pixels, int(v.seed(id))*1000+i+1)
	}
	return b.Bytes()
}

type detHDU struct {
	header *fits.Header
	pixels int
}

// image is an HDU of a DET file.
func (v *fixture) image(name string, c sky.Coord, nx, ny int) detHDU {
	pixel := quadrantSide / float64(v.nx)
	bitpix := -32
	if strings.HasSuffix(name, ".FLG") {
		bitpix = 32
	}
	return detHDU{fits.NewImage(bitpix, nx, ny).SetText("EXTNAME", name, "").
		SetText("CTYPE1", "RA---TAN", "").SetText("CTYPE2", "DEC--TAN", "").
		SetFloat("CRVAL1", c.RA, "").SetFloat("CRVAL2", c.Dec, "").
		SetFloat("CRPIX1", float64(nx+1)/2, "").SetFloat("CRPIX2", float64(ny+1)/2, "").
		SetFloat("CD1_1", -pixel, "").SetFloat("CD1_2", 0, "").SetFloat("CD2_1", 0, "").SetFloat("CD2_2", pixel, "").
		SetText("CUNIT1", "deg", "").SetText("CUNIT2", "deg", "").
		SetFloat("EXPTIME", 560.52, "").SetText("MAGZEROP", "24.56605", ""), nx * ny}
}

func (v *fixture) detHDUs(shift sky.Offset) (all []detHDU) {
	plane := v.tile.Plane()
	v.quadrantNames(func(name string, row, col int) {
		c := plane.Deproject(sky.Offset{
			Xi:  shift.Xi + (float64(col)-1.5)*quadrantPitch,
			Eta: shift.Eta + (float64(row)-1.5)*quadrantPitch,
		})
		for _, suffix := range []string{".SCI", ".RMS", ".FLG"} {
			all = append(all, v.image(name+suffix, c, v.nx, v.ny))
		}
	})
	return all
}

// images is a file with an image for every quadrant.
func (v *fixture) images(id euclid.ExposureID, kind int, suffix string, nx, ny int) []byte {
	b := bytes.NewBuffer(primary(id))
	n := 0
	v.quadrantNames(func(name string, _, _ int) {
		n++
		v.hdu(b, fits.NewImage(-32, nx, ny).SetText("EXTNAME", name+suffix, ""), nx*ny, int(v.seed(id))*1000+100*kind+n)
	})
	return b.Bytes()
}

func (v *fixture) seed(id euclid.ExposureID) (s int64) {
	for _, c := range id.String() {
		s = s*31%100003 + int64(c)
	}
	return s
}

func (v *fixture) hdu(b *bytes.Buffer, h *fits.Header, pixels, seed int) {
	v.t.Helper()
	values := make([]float32, pixels)
	for i := range values {
		values[i] = float32(math.Sin(float64(seed*7919 + i)))
	}
	data := fits.AppendFloat32(nil, values)
	if v.signed {
		sum, err := fits.DataSum(bytes.NewReader(data))
		if err != nil {
			v.t.Fatal(err)
		}
		h.Sign(sum)
	}
	if err := fits.WriteHDU(b, h, bytes.NewReader(data), int64(len(data))); err != nil {
		v.t.Fatal(err)
	}
}

// scatter spreads sources over the plane, in arcmin: xi from low to high, eta from -6 to 6.
func (v *fixture) scatter(low, high float64, n int) []sky.Coord {
	plane := v.tile.Plane()
	var cs []sky.Coord
	for i := range n {
		f, g := math.Mod(float64(i)*0.6180339887, 1), (float64(i)+0.5)/float64(n)
		cs = append(cs, plane.Deproject(sky.Offset{Xi: (low + (high-low)*f) / 60, Eta: (12*g - 6) / 60}))
	}
	return cs
}

func columns() []fits.Column {
	return []fits.Column{
		{Name: "OBJECT_ID", Format: "1K"}, {Name: "RIGHT_ASCENSION", Format: "1D"}, {Name: "DECLINATION", Format: "1D"},
		{Name: "FLUX_DETECTION_TOTAL", Format: "1E"}, {Name: "VIS_DET", Format: "1I"},
	}
}

// catalog writes sources with ids -first, -(first+1), ...: those of the south are negative.
func (v *fixture) catalog(name string, first int64, at []sky.Coord) euclid.File {
	return v.write("MER/"+name, v.table(columns(), first, at))
}

func (v *fixture) table(cols []fits.Column, first int64, at []sky.Coord) []byte {
	v.t.Helper()
	h := fits.NewTable(cols, int64(len(at)))
	b := bytes.NewBuffer(fits.NewPrimary().SetText("TELESCOP", "EUCLID", "").Encode())
	size, err := fits.Layout(cols)
	if err != nil {
		v.t.Fatal(err)
	}
	rows := make([]byte, 0, size*int64(len(at)))
	for i, c := range at {
		row := make([]byte, size)
		for j := range row {
			row[j] = byte(i * j)
		}
		for j := range cols {
			switch cols[j].Name {
			case "OBJECT_ID":
				cols[j].PutInt(row, -first-int64(i))
			case "RIGHT_ASCENSION":
				cols[j].PutFloat(row, c.RA)
			case "DECLINATION":
				cols[j].PutFloat(row, c.Dec)
			}
		}
		rows = append(rows, row...)
	}
	if err := fits.WriteHDU(b, h, bytes.NewReader(rows), int64(len(rows))); err != nil {
		v.t.Fatal(err)
	}
	return b.Bytes()
}

// job reads the footprints and makes the job that prepares the tile in dir.
func (v *fixture) job(dir string) Job {
	v.t.Helper()
	j := Job{
		Tile: v.tile, SubTiles: v.grid.SubTiles(v.tile), Exposures: v.exposures,
		Catalogs: v.catalogs, Neighbours: v.neighbours,
		Source: v.store, Dest: v.store, Dir: dir,
		LowerCase: true, ConfigID: "config-1", Workers: 3,
		Provenance: manifest.Provenance{Run: "run-1", Execution: "e1", Attempt: 1},
	}
	for _, e := range v.exposures {
		qs, err := euclid.ReadQuadrants(context.Background(), v.store, e)
		if err != nil {
			v.t.Fatal(err)
		}
		j.Quadrants = append(j.Quadrants, qs...)
	}
	return j
}

// listing is every object under a prefix, with its bytes.
func (v *fixture) listing(dir string) map[string][]byte {
	v.t.Helper()
	all := map[string][]byte{}
	err := v.store.List(context.Background(), dir+"/", func(i objstore.Info) error {
		rel, err := objstore.Rel(dir, i.URI)
		all[rel] = v.read(i.URI)
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return all
}

// same compares listings and ignores what ends with a suffix.
func same(t testing.TB, a, b map[string][]byte, except string) {
	t.Helper()
	if x, y := slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)); !slices.Equal(x, y) {
		t.Fatalf("files differ:\n%v\n%v", x, y)
	}
	for name := range a {
		if (except == "" || !strings.HasSuffix(name, except)) && !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// hdus are a file's HDUs by name, the primary as "".
func hdus(t testing.TB, file []byte) map[string][]byte {
	t.Helper()
	list, err := fits.ReadIndex(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]byte{}
	for _, h := range list {
		m[h.Name] = file[h.Offset:h.End()]
	}
	return m
}

// names are a file's HDUs in order.
func names(t testing.TB, file []byte) (all []string) {
	t.Helper()
	list, err := fits.ReadIndex(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range list {
		all = append(all, h.Name)
	}
	return all
}
