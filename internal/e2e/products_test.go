package e2e

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestProducts runs the pipeline from and to buckets, and looks at everything
// that it leaves.
func TestProducts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.do(t, "run", "--config", "constellation.yaml", "--run-id", "first")
	run := filepath.Join(s.products, "first")
	dirs := s.subTiles(t, run)
	t.Run("layout", func(t *testing.T) { s.checkLayout(t, run, dirs) })
	t.Run("bytes", func(t *testing.T) {
		for _, d := range dirs {
			s.checkPixels(t, d)
			s.checkCatalog(t, d)
		}
	})
	t.Run("ownership", func(t *testing.T) { s.checkOwnership(t, dirs) })
	t.Run("manifest keys", func(t *testing.T) { checkKeys(t, dirs[0]) })
	t.Run("standard", func(t *testing.T) {
		var files []string
		for _, d := range dirs {
			for path := range tree(t, d.path) {
				if strings.HasSuffix(path, ".fits") {
					files = append(files, filepath.Join(d.path, path))
				}
			}
		}
		fitstest.Verify(t, files...)
	})
	t.Run("astropy", func(t *testing.T) {
		out, err := exec.Command(python(t), "testdata/check_products.py", run, s.server.Dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
	})
	t.Run("iceberg", func(t *testing.T) { s.checkTables(t, run, r.stdout) })
	t.Run("nothing else", func(t *testing.T) {
		if left := tree(t, s.path("tmp")); len(left) > 0 {
			t.Errorf("temporary files are left: %v", slices.Sorted(maps.Keys(left)))
		}
	})
}

// directory is a sub-tile's, with its two manifests.
type directory struct {
	path            string
	original, local *manifest.Manifest
}

// subTiles opens the directories that the survey's grid asks for.
func (s *site) subTiles(t *testing.T, run string) []directory {
	t.Helper()
	var all []directory
	for _, tile := range s.tiny.TargetIDs() {
		for row := range s.tiny.GridRows {
			for col := range s.tiny.GridCols {
				d := directory{path: filepath.Join(run, strconv.FormatInt(tile, 10), fmt.Sprintf("%d_%d", row, col))}
				d.original, d.local = readManifest(t, d.path, survey.ManifestFile), readManifest(t, d.path, survey.LocalManifestFile)
				if d.local.TileID != tile || d.local.Row != row || d.local.Col != col {
					t.Errorf("%s holds tile %d, sub-tile %d_%d", d.path, d.local.TileID, d.local.Row, d.local.Col)
				}
				all = append(all, d)
			}
		}
	}
	return all
}

func readManifest(t *testing.T, dir, name string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(bytes.NewReader(read(t, filepath.Join(dir, name))))
	if err != nil {
		t.Fatalf("%s/%s: %v", dir, name, err)
	}
	return m
}

// checkLayout holds a run's files to those of the documented layout: all of
// them, and no others.
func (s *site) checkLayout(t *testing.T, run string, dirs []directory) {
	want := map[string]bool{"run.json": true}
	for _, d := range dirs {
		rel, err := filepath.Rel(run, d.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{
			"manifest.yaml", "manifest_local.yaml", "catalog.fits", "provenance.json",
			"results/shear.parquet", "results/sources.parquet", "results/summary.json",
		} {
			want[filepath.Join(rel, name)] = true
		}
		if len(d.local.Quadrants) == 0 {
			t.Errorf("%s has no quadrants: this survey covers every sub-tile", rel)
		}
		for _, q := range d.local.Quadrants {
			stem := fmt.Sprintf("%s_%s_%s", q.Obs, q.Dither, q.CCD)
			for _, f := range []struct{ got, want string }{
				{q.SCI, "exposures/" + stem + "_sci.fits"}, {q.RMS, q.SCI}, {q.FLG, q.SCI},
				{q.BKG, "exposures/" + stem + "_bkg.fits"}, {q.PSF, "psf/" + stem + "_psf.fits"},
			} {
				if f.got != f.want {
					t.Errorf("%s: quadrant %s of %s lies in %s, want %s", rel, q.Quadrant, stem, f.got, f.want)
				}
				want[filepath.Join(rel, f.want)] = true
			}
			if q.WGT != "" { // the survey's last exposure has none
				want[filepath.Join(rel, "exposures/"+stem+"_wgt.fits")] = true
			}
		}
	}
	want["parts/00000.json"], want[survey.IdentityFile] = true, true
	got := map[string]bool{}
	for path := range tree(t, run) {
		got[path] = true
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("files of the run (-want +got):\n%s", d)
	}
}

// checkPixels compares every HDU of a sub-tile's files with its source.
func (s *site) checkPixels(t *testing.T, d directory) {
	t.Helper()
	held := map[string][]string{} // names of the HDUs that each file must hold
	sources := map[string]string{}
	for i, q := range d.local.Quadrants {
		from := d.original.Quadrants[i]
		held[q.SCI] = append(held[q.SCI], q.Quadrant+".SCI", q.Quadrant+".RMS", q.Quadrant+".FLG")
		for _, f := range [][2]string{{q.SCI, from.SCI}, {q.BKG, from.BKG}, {q.WGT, from.WGT}, {q.PSF, from.PSF}} {
			sources[f[0]] = f[1]
			if f[0] != q.SCI {
				held[f[0]] = append(held[f[0]], q.Quadrant)
			}
		}
	}
	delete(held, "") // no WGT
	for path, names := range held {
		source := hdus(t, s.object(sources[path]))
		copied := hdus(t, filepath.Join(d.path, path))
		slices.Sort(names)
		var got []string
		for name, data := range copied {
			if !bytes.Equal(data, source[name]) {
				t.Errorf("%s/%s: HDU %q is not the source's", d.path, path, name)
			}
			if name != "" {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if strings.HasSuffix(path, "_wgt.fits") { // names there are the delivery's own
			for i, name := range got {
				got[i] = strings.TrimSuffix(strings.TrimSuffix(name, ".SCI"), ".WGT")
			}
		}
		if d := cmp.Diff(names, got); d != "" {
			t.Errorf("%s: HDUs (-want +got):\n%s", path, d)
		}
	}
}

// object is the file behind an s3:// URI.
func (s *site) object(uri string) string {
	return filepath.Join(s.server.Dir, filepath.FromSlash(strings.TrimPrefix(uri, "s3://")))
}

// hdus are the bytes of a file's HDUs, header and padded data, by name. The
// primary HDU's name is "".
func hdus(t *testing.T, path string) map[string][]byte {
	t.Helper()
	data := read(t, path)
	index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	all := map[string][]byte{}
	for _, h := range index {
		if _, twice := all[h.Name]; twice {
			t.Errorf("%s: two HDUs are called %q", path, h.Name)
		}
		all[h.Name] = data[h.Offset:h.End()]
	}
	return all
}

// checkCatalog compares the rows of a sub-tile's catalogue with those of the
// catalogues that it was joined from.
func (s *site) checkCatalog(t *testing.T, d directory) {
	t.Helper()
	source := map[int64][]byte{}
	for _, uri := range d.original.Catalogs {
		_, _, rows := catalogRows(t, s.object(uri))
		maps.Copy(source, rows)
	}
	names, order, rows := catalogRows(t, filepath.Join(d.path, d.local.Catalog))
	for _, name := range names {
		if name != strings.ToLower(name) {
			t.Errorf("%s: column %s is not in lower case", d.path, name)
		}
	}
	if diff := cmp.Diff(d.local.Sources, order); diff != "" {
		t.Errorf("%s: rows are not source_ids:\n%s", d.path, diff)
	}
	for id, row := range rows {
		if !bytes.Equal(row, source[id]) {
			t.Errorf("%s: the row of %d is not the source's", d.path, id)
		}
	}
}

func catalogRows(t *testing.T, path string) (columns []string, order []int64, rows map[int64][]byte) {
	t.Helper()
	data := read(t, path)
	index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	table, err := fits.ParseTable(index[1])
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, c := range table.Columns {
		columns = append(columns, c.Name)
	}
	id, ok := table.Column("OBJECT_ID")
	if !ok {
		t.Fatalf("%s: no OBJECT_ID", path)
	}
	rows = map[int64][]byte{}
	for i := range table.Rows {
		at := index[1].DataOffset() + i*table.RowSize
		row := data[at : at+table.RowSize]
		object, _ := id.Int64(row)
		order, rows[object] = append(order, object), row
	}
	return columns, order, rows
}

// checkOwnership holds the cores to the truth: each source that the survey put
// on the sky is reported by one sub-tile, of its own tile.
func (s *site) checkOwnership(t *testing.T, dirs []directory) {
	reported := map[int64]int64{} // tile by object
	for _, d := range dirs {
		for _, id := range d.local.Core {
			if tile, twice := reported[id]; twice {
				t.Errorf("%d is core in tile %d and again in %s", id, tile, d.path)
			}
			reported[id] = d.local.TileID
			if !slices.Contains(d.local.Sources, id) {
				t.Errorf("%d is core in %s and not in its extended area", id, d.path)
			}
		}
	}
	records, err := csv.NewReader(bytes.NewReader(read(t, filepath.Join(s.survey, "truth", "truth.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]int64{}
	for _, record := range records[1:] {
		id, err1 := strconv.ParseInt(record[0], 10, 64)
		tile, err2 := strconv.ParseInt(record[1], 10, 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("truth: %v", record)
		}
		want[id] = tile
	}
	if d := cmp.Diff(want, reported); d != "" {
		t.Errorf("tile that reports each object (-truth +products):\n%s", d)
	}
}

// checkKeys holds the first keys of a manifest to those that SHINE reads.
func checkKeys(t *testing.T, d directory) {
	text := string(read(t, filepath.Join(d.path, survey.LocalManifestFile)))
	var keys []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+):`).FindAllStringSubmatch(text, 8) {
		keys = append(keys, m[1])
	}
	want := []string{"tile_id", "sub_tile_row", "sub_tile_col", "sky_bounds", "quadrants", "source_catalog", "source_ids", "core_source_ids"}
	if d := cmp.Diff(want, keys); d != "" {
		t.Error(d)
	}
	quadrant := regexp.MustCompile(`(?m)^  - \{sci_path: .*, rms_path: .*, flg_path: .*, bkg_path: .*, wgt_path: .*, psf_path: .*, quadrant: .*, obs_id: "\d{6}", dither: "\d\d", ccd: "\d"`)
	if got := len(quadrant.FindAllString(text, -1)); got != len(d.local.Quadrants) {
		t.Errorf("%d of %d quadrants have the fixed keys in:\n%s", got, len(d.local.Quadrants), text)
	}
}

// checkTables opens the catalogue with readers that are not iceberg-go, and
// holds what they see to what the command said and to the results of each sub-tile.
func (s *site) checkTables(t *testing.T, run, said string) {
	figure := func(pattern string) (n int64) {
		m := regexp.MustCompile(pattern).FindStringSubmatch(said)
		if m == nil {
			t.Fatalf("the command did not say %q:\n%s", pattern, said)
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	type view struct {
		Snapshot, Shear, Sources int64
	}
	want := view{figure(`snapshot (\d+)`), figure(`in the catalogue +(\d+)`), figure(`(?m)^  sources +(\d+)$`)}
	cmd := exec.Command(python(t), "testdata/read_tables.py", s.path("warehouse"), "shear", "edfs_shear", run)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got view
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("what the command said and what other readers see (-said +seen):\n%s", d)
	}
}

// hasFigure finds a line such as "  sources    38" in a verdict.
func hasFigure(text, label string, want int) bool {
	return regexp.MustCompile(fmt.Sprintf(`(?m)^ *%s +%d$`, regexp.QuoteMeta(label), want)).MatchString(text)
}
