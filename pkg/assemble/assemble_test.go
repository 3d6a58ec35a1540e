package assemble_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// tile writes one tile of a run with three sub-tiles: measured, lost, and failed with a reason.
func tile(t *testing.T, store objstore.Store, base string, id int64) (prepared string, outcomes []string) {
	t.Helper()
	ctx := context.Background()
	p := &survey.Prepared{Plan: fmt.Sprint("key ", id)}
	p.TileID = id
	for col := range 3 {
		p.SubTiles = append(p.SubTiles, survey.SubTile{Cell: sky.Cell{Row: 0, Col: col}, Status: survey.StatusOK, RA: 10 + float64(col), Dec: -5, Directory: fmt.Sprintf("%s/%d/0_%d", base, id, col)})
	}
	dir := p.SubTiles[0].Directory
	put(t, store, dir+"/"+survey.LocalManifestFile, func(b *bytes.Buffer) error {
		return manifest.Write(b, &manifest.Manifest{TileID: id, Core: []int64{id * 10}, Plan: p.Plan, FormatVersion: manifest.FormatVersion})
	})
	g := float32(0.01)
	shear := results.Shear{TileID: id, RA: 10, Dec: -5, G1: &g, G2: &g, G1Err: &g, G2Err: &g, NSources: 1, Method: "mock", Status: survey.StatusOK}
	source := results.Source{TileID: id, ObjectID: id * 10, RA: 10, Dec: -5}
	ok := survey.Outcome{SubTileID: sky.ID(id, 0, 0), Status: survey.StatusOK, Directory: dir, Plan: p.Plan, ConfigID: "c", Shear: put(t, store, dir+"/results/shear.parquet", func(b *bytes.Buffer) error { return results.WriteShear(b, []results.Shear{shear}) }),
		Sources: put(t, store, dir+"/results/sources.parquet", func(b *bytes.Buffer) error { return results.WriteSources(b, []results.Source{source}) })}
	failed := survey.Outcome{SubTileID: sky.ID(id, 0, 2), Status: survey.StatusFailed, Reason: "NaN loss", Directory: p.SubTiles[2].Directory}
	prepared = fmt.Sprintf("%s/%d/prepared.json", base, id)
	outcomes = []string{fmt.Sprintf("%s/%d/o0.json", base, id), "", fmt.Sprintf("%s/%d/o2.json", base, id)}
	for uri, document := range map[string]any{prepared: p, outcomes[0]: ok, outcomes[2]: failed} {
		if err := survey.Save(ctx, store, uri, document); err != nil {
			t.Fatal(err)
		}
	}
	return prepared, outcomes
}

func put(t *testing.T, store objstore.Store, uri string, write func(*bytes.Buffer) error) survey.File {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	info, err := objstore.WriteFile(context.Background(), store, uri, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return survey.File{URI: uri, Size: info.Size}
}

// TestRun commits two tiles, twice: every planned sub-tile has its row, those
// that were lost or failed too, and the second time nothing changes.
func TestRun(t *testing.T) {
	ctx, base := context.Background(), t.TempDir()
	store := objstore.Open(ctx, objstore.Config{})
	var prepared []string
	var ended [][]string
	for _, id := range []int64{7, 8} {
		p, o := tile(t, store, base, id)
		prepared, ended = append(prepared, p), append(ended, o)
	}
	run, err := survey.Collect(ctx, store, base, "r", "c", prepared, ended, 0)
	if err != nil {
		t.Fatal(err)
	}
	if counts := run.Counts(); counts[survey.StatusOK] != 2 || counts[survey.StatusFailed] != 4 {
		t.Errorf("counts %v", counts)
	}
	if lost := run.Tiles[0].SubTiles[1]; !strings.Contains(lost.Reason, "without a result") || lost.RA != 11 {
		t.Errorf("the lost sub-tile: %+v", lost)
	}
	tables, err := catalog.Open(ctx, settings.Catalog{Warehouse: base + "/warehouse", Namespace: "shear", Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	for i, unchanged := range []int{0, 1} {
		record := base + "/" + survey.RunFile
		total, err := assemble.Commit(ctx, store, tables, run, assemble.Terms{}, record)
		if err != nil {
			t.Fatal(err)
		}
		if total.ShearRows != 6 || total.SourceRows != 2 || total.Unchanged != unchanged {
			t.Errorf("commit %d: %+v", i, total)
		}
		read, err := survey.LoadRun(ctx, store, record)
		if err != nil || len(read.Tiles) != 2 {
			t.Errorf("run.json: %v, %v", read, err)
		}
	}
	verdict, err := tables.Validate(ctx, assemble.Plan(run), settings.Thresholds{MinCompleteness: 1, MaxFailedFraction: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if verdict.OK || verdict.Present != 6 || verdict.Duplicates != 0 {
		t.Errorf("verdict %+v", verdict)
	}
	err = assemble.Judge(run, verdict, 0.5)
	if fault.CodeOf(err) != "ValidationFailed" || !strings.Contains(err.Error(), "tile 7, sub-tile 0_2 failed: NaN loss") {
		t.Errorf("judged: %v", err)
	}
}

// directory writes a sub-tile directory of tile 7 as prepare and infer leave
// it, with n shear rows and a summary of the given text (none where empty).
func directory(t *testing.T, store objstore.Store, base string, col int, prepared string, n int, summary string) string {
	t.Helper()
	dir := fmt.Sprintf("%s/7/0_%d", base, col)
	m := &manifest.Manifest{TileID: 7, Col: col, Centre: [2]float64{10 + float64(col), -5}, Catalog: survey.CatalogFile, FormatVersion: manifest.FormatVersion, ConfigID: prepared,
		Core: []int64{int64(col)}, Sources: []int64{int64(col)},
		Quadrants: []manifest.Quadrant{{SCI: "a", RMS: "a", FLG: "a", BKG: "b", PSF: "p", Quadrant: "1-1.E", Obs: "000001", Dither: "00", CCD: "1"}}}
	put(t, store, dir+"/"+survey.LocalManifestFile, func(b *bytes.Buffer) error { return manifest.Write(b, m) })
	g := float32(0.01)
	shear := results.Shear{TileID: 7, Col: int32(col), RA: 10 + float64(col), Dec: -5, G1: &g, G2: &g, NSources: 1, Method: "mock", Status: survey.StatusOK}
	source := results.Source{TileID: 7, Col: int32(col), ObjectID: int64(col), RA: 10, Dec: -5}
	put(t, store, dir+"/results/shear.parquet", func(b *bytes.Buffer) error { return results.WriteShear(b, slices.Repeat([]results.Shear{shear}, n)) })
	put(t, store, dir+"/results/sources.parquet", func(b *bytes.Buffer) error { return results.WriteSources(b, []results.Source{source}) })
	if summary != "" {
		put(t, store, dir+"/results/summary.json", func(b *bytes.Buffer) error { _, err := b.WriteString(summary); return err })
	}
	return dir
}

// TestFromDirectories: each sub-tile is judged by itself, and its results by
// the configuration that they name. A bad one never ends the others.
func TestFromDirectories(t *testing.T) {
	ctx, base := context.Background(), t.TempDir()
	store := objstore.Open(ctx, objstore.Config{})
	if _, err := assemble.FromDirectories(ctx, store, "r", "c", base, sky.Grid{}); fault.CodeOf(err) != "RunEmpty" {
		t.Errorf("an empty run: %v", err)
	}
	cases := []struct {
		name, prepared string
		rows           int
		summary        string
		spoil          string // a file to cut short, or to remove with a minus before it
		reason         string // "": ok
	}{
		{"good", "c", 1, `{"config_id": "c"}`, "", ""},
		{"prepared under another", "a", 1, `{"config_id": "c"}`, "", ""},
		{"engine names none", "c", 1, `{"engine": "shine"}`, "", ""},
		{"no summary", "c", 1, "", "", ""},
		{"inferred under another", "c", 1, `{"config_id": "b"}`, "", `configuration "b"`},
		{"all of another, unnamed", "a", 1, `{}`, "", `configuration "a"`},
		{"named nowhere", "", 1, "", "", `configuration ""`},
		{"no inference", "c", 1, "", "-shear.parquet", "constellation infer makes one"},
		{"two rows", "c", 2, "", "", "2 rows"},
		{"no row", "c", 0, "", "", "0 rows"},
		{"corrupt shear", "c", 1, "", "shear.parquet", "shear.parquet"},
		{"corrupt summary", "c", 1, `{"config_id": `, "", "summary.json"},
		{"corrupt sources", "c", 1, "", "sources.parquet", "sources.parquet"}, // found by Commit
		{"no sources", "c", 1, "", "-sources.parquet", "sources.parquet"},
	}
	ok := 0
	for col, tc := range cases {
		dir := directory(t, store, base, col, tc.prepared, tc.rows, tc.summary)
		var err error
		if gone, remove := strings.CutPrefix(tc.spoil, "-"); remove {
			err = os.Remove(dir + "/results/" + gone)
		} else if tc.spoil != "" {
			err = os.Truncate(dir+"/results/"+tc.spoil, 100)
		}
		if err != nil {
			t.Fatal(err)
		}
		if tc.reason == "" {
			ok++
		}
	}
	run, err := assemble.FromDirectories(ctx, store, "r", "c", base, sky.Grid{})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := catalog.Open(ctx, settings.Catalog{Warehouse: base + "/warehouse", Namespace: "shear", Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	record := base + "/" + survey.RunFile
	total, err := assemble.Commit(ctx, store, tables, run, assemble.Terms{}, record)
	if err != nil {
		t.Fatal(err)
	}
	if total.ShearRows != int64(len(cases)) || total.SourceRows != int64(ok) {
		t.Errorf("%+v", total)
	}
	saved, err := survey.LoadRun(ctx, store, record)
	if err != nil {
		t.Fatal(err)
	}
	if len(saved.Tiles) != 1 || len(saved.Tiles[0].SubTiles) != len(cases) {
		t.Fatalf("%+v", saved)
	}
	for _, s := range saved.Tiles[0].SubTiles {
		tc := cases[s.Col]
		if (s.Status == survey.StatusOK) != (tc.reason == "") || (s.Shear.URI == "") != (tc.reason != "") || !strings.Contains(s.Reason, tc.reason) || s.RA != 10+float64(s.Col) {
			t.Errorf("%s: %+v", tc.name, s)
		}
	}
	for r, err := range tables.Rows(ctx, catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if tc := cases[r.Col]; (r.Status == survey.StatusOK) != (tc.reason == "") {
			t.Errorf("%s: the row says %s", tc.name, r.Status)
		}
	}
}

// TestForeignRun: a run that has nothing of a configuration is refused.
func TestForeignRun(t *testing.T) {
	ctx, base := context.Background(), t.TempDir()
	store := objstore.Open(ctx, objstore.Config{})
	dir := directory(t, store, base, 0, "a", 1, `{"config_id": "b"}`)
	directory(t, store, base, 1, "a", 1, "")
	_, err := assemble.FromDirectories(ctx, store, "r", "c", base, sky.Grid{})
	if fault.KindOf(err) != fault.BadInput || fault.CodeOf(err) != assemble.CodeConfig || !strings.Contains(err.Error(), dir+"/"+survey.LocalManifestFile) {
		t.Errorf("%v", err)
	}
	for config, want := range map[string]int{"a": 1, "b": 1} {
		run, err := assemble.FromDirectories(ctx, store, "r", config, base, sky.Grid{})
		if err != nil || run.Counts()[survey.StatusOK] != want {
			t.Errorf("configuration %s: %+v, %v", config, run, err)
		}
	}
}

// TestFailureKeepsEarlierRows: a run that goes wrong leaves the catalogue as
// it was, and is still judged to have gone wrong.
func TestFailureKeepsEarlierRows(t *testing.T) {
	ctx, base := context.Background(), t.TempDir()
	store := objstore.Open(ctx, objstore.Config{})
	prepared, outcomes := tile(t, store, base, 7)
	run, err := survey.Collect(ctx, store, base, "good", "c", []string{prepared}, [][]string{outcomes}, 0)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := catalog.Open(ctx, settings.Catalog{Warehouse: base + "/warehouse", Namespace: "shear", Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	first, err := assemble.Commit(ctx, store, tables, run, assemble.Terms{}, base+"/"+survey.RunFile)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := survey.Collect(ctx, store, base, "bad", "c", []string{prepared}, [][]string{{"", "", ""}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := assemble.Commit(ctx, store, tables, bad, assemble.Terms{}, base+"/bad/"+survey.RunFile)
	if err != nil {
		t.Fatal(err)
	}
	if second.Kept != 1 || second.ShearRows != 2 {
		t.Errorf("%+v after %+v", second, first)
	}
	var ok, failed, sources int
	for r, err := range tables.Rows(ctx, catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Status == survey.StatusOK && r.RunID == "good" && r.Col == 0:
			ok++
		case r.Status == survey.StatusFailed:
			failed++
		}
	}
	for _, err := range tables.Sources(ctx, catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		sources++
	}
	if ok != 1 || failed != 2 || sources != 1 {
		t.Errorf("%d ok, %d failed, %d sources", ok, failed, sources)
	}
	verdict, err := tables.Validate(ctx, assemble.Plan(bad), settings.Thresholds{MinCompleteness: 1, MaxFailedFraction: 0.7})
	if err != nil {
		t.Fatal(err)
	}
	if !verdict.OK || assemble.Judge(bad, verdict, 0.7) == nil || assemble.Judge(bad, verdict, 1) != nil {
		t.Errorf("verdict %+v, judged %v", verdict, assemble.Judge(bad, verdict, 0.7))
	}
}

// TestRecordIsHeldTileByTile: what a record has elsewhere isn't made up for by
// what lies below the run, whatever the configuration.
func TestRecordIsHeldTileByTile(t *testing.T) {
	ctx := t.Context()
	for name, config := range map[string]string{"the same": "c", "another": "other"} {
		base := t.TempDir()
		store := objstore.Open(ctx, objstore.Config{})
		for col := range 2 {
			directory(t, store, base, col, "c", 1, "")
		}
		elsewhere := survey.RunTile{TileID: 1, SubTiles: []survey.RunSubTile{{Outcome: survey.Outcome{SubTileID: sky.ID(1, 0, 0), Status: survey.StatusOK, Directory: "/elsewhere/1/0_0"}}}}
		failed := survey.RunTile{TileID: 7, Failure: "no catalogue", SubTiles: []survey.RunSubTile{{Outcome: survey.Outcome{SubTileID: sky.ID(7, 0, 0), Status: survey.StatusFailed}}}}
		if err := survey.Save(ctx, store, survey.RunURI(base), &survey.Run{RunID: "r", ConfigID: config, Tiles: []survey.RunTile{elsewhere, failed}}); err != nil {
			t.Fatal(err)
		}
		if _, err := assemble.FromDirectories(ctx, store, "r", "c", base, sky.Grid{}); fault.CodeOf(err) != assemble.CodeElsewhere || !strings.Contains(err.Error(), "tile 1") {
			t.Errorf("a record of %s configuration: %v", name, err)
		}
	}
}

// TestNothingInferred: a sub-tile that preparation found nothing to infer on is
// none that failed, a failure under another configuration is none of this one, and
// what was too large stays so.
func TestNothingInferred(t *testing.T) {
	ctx, base := t.Context(), t.TempDir()
	store := objstore.Open(ctx, objstore.Config{})
	directory(t, store, base, 0, "c", 1, "")
	write := func(col int, m *manifest.Manifest) string {
		m.TileID, m.Col, m.ConfigID, m.Catalog, m.FormatVersion = 7, col, "c", survey.CatalogFile, manifest.FormatVersion
		dir := fmt.Sprintf("%s/7/0_%d", base, col)
		put(t, store, dir+"/"+survey.LocalManifestFile, func(b *bytes.Buffer) error { return manifest.Write(b, m) })
		return dir
	}
	quadrants := []manifest.Quadrant{{SCI: "a", RMS: "a", FLG: "a", BKG: "b", PSF: "p", Quadrant: "1-1.E", Obs: "000001", Dither: "00", CCD: "1"}}
	write(1, &manifest.Manifest{Core: []int64{1}, Sources: []int64{1}})
	write(2, &manifest.Manifest{Quadrants: quadrants})
	large := write(3, &manifest.Manifest{Quadrants: quadrants, Core: []int64{1}, Sources: []int64{1}})
	measured := fmt.Sprintf("%s/7/0_0", base)
	if err := survey.SaveFailure(ctx, store, measured, survey.Failure{Run: "r", ConfigID: "another", Outcome: survey.Outcome{SubTileID: sky.ID(7, 0, 0), Status: survey.StatusFailed, Reason: "not installed"}}); err != nil {
		t.Fatal(err)
	}
	tooLarge := survey.RunSubTile{Outcome: survey.Outcome{SubTileID: sky.ID(7, 0, 3), Status: survey.StatusFailed, Reason: "inference needs 99 GB", Directory: large}}
	if err := survey.Save(ctx, store, survey.RunURI(base), &survey.Run{RunID: "r", ConfigID: "c", Tiles: []survey.RunTile{{TileID: 7, SubTiles: []survey.RunSubTile{tooLarge}}}}); err != nil {
		t.Fatal(err)
	}
	run, err := assemble.FromDirectories(ctx, store, "r", "c", base, sky.Grid{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{survey.StatusOK, survey.StatusNoExposures, survey.StatusNoSources, survey.StatusFailed} {
		if got := run.Tiles[0].SubTiles[i]; got.Status != want || (got.Reason != "") != (want == survey.StatusFailed) {
			t.Errorf("sub-tile %d: %+v, want %s", i, got, want)
		}
	}
	if got := run.Tiles[0].SubTiles[3].Reason; got != "inference needs 99 GB" {
		t.Errorf("the reason is %q", got)
	}
}
