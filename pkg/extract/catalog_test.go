package extract

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// tableRows are the rows of a catalogue file, by object.
func tableRows(t *testing.T, file []byte) (columns []string, ids []int64, rows map[int64][]byte) {
	t.Helper()
	list, err := fits.ReadIndex(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	table, err := fits.ParseTable(list[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range table.Columns {
		columns = append(columns, c.Name)
	}
	id, _ := table.Column("object_id")
	rows = map[int64][]byte{}
	for i := range table.Rows {
		at := list[1].DataOffset() + i*table.RowSize
		row := file[at : at+table.RowSize]
		v, _ := id.Int64(row)
		ids, rows[v] = append(ids, v), row
	}
	return columns, ids, rows
}

func readManifest(t *testing.T, v *fixture, dir, name string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(bytes.NewReader(v.read(objstore.Join(dir, name))))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCatalogRows(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	own, east := v.scatter(-4.5, 4, 500), v.scatter(4, 8, 300)
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, own))
	v.neighbours = append(v.neighbours, v.catalog("east.fits", 5000, east), v.catalog("far.fits", 9000, []sky.Coord{{RA: 10, Dec: -51.5}, {RA: 180, Dec: 51.5}}))
	dir := v.base + "/out"
	report, err := Tile(t.Context(), v.job(dir))
	if err != nil {
		t.Fatal(err)
	}
	plane := v.tile.Plane()
	_, _, source := tableRows(t, v.read(v.catalogs[0].URI))
	_, _, neighbour := tableRows(t, v.read(v.neighbours[0].URI))
	cores := map[int64]int{}
	for i, sub := range v.grid.SubTiles(v.tile) {
		directory := report.SubTiles[i].Directory
		m := readManifest(t, v, directory, survey.LocalManifestFile)
		columns, ids, rows := tableRows(t, v.read(directory+"/catalog.fits"))
		if !slices.Equal(columns, []string{"object_id", "right_ascension", "declination", "flux_detection_total", "vis_det"}) {
			t.Errorf("columns %v", columns)
		}
		var wantIDs, wantCore []int64
		for k, c := range slices.Concat(own, east) {
			id := -1 - int64(k)
			if k >= len(own) {
				id = -5000 - int64(k-len(own))
			}
			o, _ := plane.Project(c)
			if sub.Extended.Contains(o) {
				wantIDs = append(wantIDs, id)
			}
			if k < len(own) && sub.Core.Contains(o) {
				wantCore = append(wantCore, id)
				cores[id]++
			}
		}
		if !slices.Equal(ids, wantIDs) || !slices.Equal(m.Sources, wantIDs) || !slices.Equal(m.Core, wantCore) {
			t.Errorf("%s: %d rows, %d ids and %d core ids, want %d and %d", sub.Name(), len(ids), len(m.Sources), len(m.Core), len(wantIDs), len(wantCore))
		}
		if s := report.SubTiles[i]; s.Sources != len(wantIDs) || s.CoreSources != len(wantCore) {
			t.Errorf("%s: report %+v", sub.Name(), s)
		}
		for id, row := range rows {
			want := source[id]
			if id <= -5000 {
				want = neighbour[id]
			}
			if !bytes.Equal(row, want) {
				t.Errorf("%s: the row of %d differs", sub.Name(), id)
			}
		}
		original := readManifest(t, v, directory, survey.ManifestFile)
		want := []string{v.catalogs[0].URI}
		if sub.Col == 1 {
			want = append(want, v.neighbours[0].URI)
		}
		if !slices.Equal(original.Catalogs, want) {
			t.Errorf("%s: catalogues %v, want %v", sub.Name(), original.Catalogs, want)
		}
	}
	outside := 0
	for k, c := range own {
		o, _ := plane.Project(c)
		in := sky.Box{XiMin: -4. / 60, XiMax: 4. / 60, EtaMin: -4. / 60, EtaMax: 4. / 60}.Contains(o)
		if n := cores[-1-int64(k)]; in && n != 1 || !in && n != 0 {
			t.Errorf("source %d is core %d times", -1-k, n)
		}
		if !in {
			outside++
		}
	}
	if report.OutsideGrid != outside || outside == 0 {
		t.Errorf("%d outside the grid, want %d", report.OutsideGrid, outside)
	}
}

func TestUpperCaseColumns(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	job := v.job(v.base + "/out")
	job.LowerCase, job.Quadrants = false, nil
	if _, err := Tile(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if columns, _, _ := tableRows(t, v.read(v.base+"/out/0_0/catalog.fits")); columns[0] != "OBJECT_ID" {
		t.Errorf("columns %v", columns)
	}
}

// A neighbour with its columns in another order brings the same rows.
func TestColumnsInAnotherOrder(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 20)))
	cols := columns()
	slices.Reverse(cols)
	v.neighbours = append(v.neighbours, v.write("MER/east.fits", v.table(cols, 5000, v.scatter(4, 5, 100))))
	report, err := Tile(t.Context(), v.job(v.base+"/out"))
	if err != nil {
		t.Fatal(err)
	}
	m := readManifest(t, v, report.SubTiles[1].Directory, survey.LocalManifestFile)
	_, ids, _ := tableRows(t, v.read(report.SubTiles[1].Directory+"/catalog.fits"))
	if !slices.Equal(ids, m.Sources) || ids[len(ids)-1] > -5000 {
		t.Errorf("ids %v, manifest %v", ids, m.Sources)
	}
}

func TestDuplicatesCountOnce(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	at := v.scatter(-3, 3, 40)
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, at))
	v.neighbours = append(v.neighbours, v.catalogs[0], v.catalog("again.fits", 31, at)) // ten ids in common
	report, err := Tile(t.Context(), v.job(v.base+"/out"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]int{}
	for _, s := range report.SubTiles {
		for _, id := range readManifest(t, v, s.Directory, survey.LocalManifestFile).Core {
			seen[id]++
		}
	}
	for id, n := range seen {
		if n != 1 || id < -40 {
			t.Errorf("%d is core %d times", id, n)
		}
	}
	if report.Duplicates == 0 || report.Duplicates > 10 {
		t.Errorf("%d duplicates", report.Duplicates)
	}
}

func TestUnplacedRowsAreCounted(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	at := append(v.scatter(-3, 3, 5), sky.Coord{RA: 10, Dec: 100}, sky.Coord{RA: 1e9, Dec: 0})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, at))
	report, err := Tile(t.Context(), v.job(v.base+"/out"))
	if err != nil || report.Unplaced != 2 {
		t.Errorf("%+v %v", report, err)
	}
}

func TestCatalogsRefused(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(v *fixture)
		code  string
		want  string
	}{
		{"none", func(v *fixture) { v.catalogs = nil }, "CatalogMissing", "data.catalog_base_uri"},
		{"gone", func(v *fixture) { v.catalogs[0].URI += "x" }, objstore.NotFound, "own.fitsx"},
		{"without a column", func(v *fixture) {
			v.catalogs[0] = v.write("MER/bad.fits", v.table(columns()[1:], 1, v.scatter(-3, 3, 5)))
		}, "CatalogColumns", "OBJECT_ID"},
		{"neighbour lacks a column", func(v *fixture) {
			v.neighbours[0] = v.write("MER/east.fits", v.table(columns()[:4], 1, v.scatter(-3, 3, 5)))
		}, "CatalogMismatch", "VIS_DET"},
		{"neighbour has another format", func(v *fixture) {
			cols := columns()
			cols[3].Format = "1D"
			v.neighbours[0] = v.write("MER/east.fits", v.table(cols, 1, v.scatter(-3, 3, 5)))
		}, "CatalogMismatch", "FLUX_DETECTION_TOTAL"},
		{"replaced", func(v *fixture) { v.catalog("own.fits", 77, v.scatter(-3, 3, 300)) }, objstore.ObjectChanged, "own.fits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := usual(t, objstore.NewMemory(), "mem://bucket")
			job := v.job(v.base + "/out")
			tt.spoil(v)
			job.Catalogs, job.Neighbours = v.catalogs, v.neighbours
			_, err := Tile(t.Context(), job)
			if fault.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want code %s and %q", err, tt.code, tt.want)
			}
			for name := range v.listing(v.base + "/out") {
				if strings.HasSuffix(name, survey.LocalManifestFile) {
					t.Errorf("%s was written", name)
				}
			}
		})
	}
}

// A catalogue's sources are core for exactly one sub-tile, wherever they lie in
// the tile, edges included.
func TestEveryOwnSourceIsCoreOnce(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	r := rand.New(rand.NewPCG(5, 6))
	plane := v.tile.Plane()
	var at []sky.Coord
	for range 2000 {
		at = append(at, plane.Deproject(sky.Offset{Xi: (7.99*r.Float64() - 3.995) / 60, Eta: (7.99*r.Float64() - 3.995) / 60}))
	}
	at = append(at, v.tile.Centre) // the corner of all four cores
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, at))
	report, err := Tile(t.Context(), v.job(v.base+"/out"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range report.SubTiles {
		n += s.CoreSources
	}
	if n != len(at) || report.OutsideGrid != 0 {
		t.Errorf("%d core sources of %d, %d outside", n, len(at), report.OutsideGrid)
	}
}
