package catalog_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestOtherReaders opens the warehouse with PyIceberg and DuckDB.
func TestOtherReaders(t *testing.T) {
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: no independent reader opened the tables; set CONSTELLATION_PYTHON to a Python that has pyiceberg[pyarrow,sql-sqlite] and duckdb")
	}
	c := open(t, t.TempDir())
	held := lease(t, c, "A", time.Hour, 7, 9) // leases and their empty snapshots are nothing to a reader
	commit(t, c, leased(batch("run1", config, 7, 10, 0.25), held))
	commit(t, c, batch("run1", config, 8, 10, 0.25))
	commit(t, c, batch("run2", config, 7, 5, 0.5)) // rows were replaced: readers must not see the old files
	commit(t, c, batch("run2", "aa-another", 7, 2, 0.5))
	shear, _ := tile(9, 0, 0)
	shear = shear[:1]
	shear[0] = results.Shear{TileID: 9, RA: 52.9, Dec: -28.1, Status: survey.StatusNoSources}
	commit(t, c, leased(catalog.Batch{RunID: "run3", ConfigID: config, Shear: shear}, held))
	lease(t, c, "B", time.Hour, 10)

	cmd := exec.Command(python, "testdata/read_table.py", c.URI(), c.Location(), "shear", "edff_shear")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	type view struct {
		Rows, Pruned, Format int
		Tiles                [][]any
		Nulls, IDs           map[string]int
		Partition, Order     []string
		Docs                 map[string]string
		Identifier           []string
	}
	var got [2]view
	dec := json.NewDecoder(bytes.NewReader(out))
	for i := range got {
		if err := dec.Decode(&got[i]); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
	}
	s := got[0]
	for column, want := range map[string]int{"TILE_ID": 1, "STATUS": 13, "RUN_ID": 14, "CONFIG_ID": 15} {
		if s.IDs[column] != want {
			t.Errorf("field id of %s is %d, want %d: readers of older tables rely on it", column, s.IDs[column], want)
		}
	}
	if s.Docs["RA"] != "ICRS right ascension of the sub-tile's centre [deg]" {
		t.Errorf("documentation of RA: %q", s.Docs["RA"])
	}
	want := [2]view{
		{
			Rows: 13, Pruned: 4, Format: 2, Partition: []string{"TILE_ID_trunc"}, Order: []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL"},
			Tiles: [][]any{{7., config, 4., 2.}, {7., "aa-another", 4., 2.}, {8., config, 4., 2.}, {9., config, 1., 0.}},
			Nulls: map[string]int{"G1": 1, "G2": 1, "G1_ERR": 1, "G2_ERR": 13, "METHOD": 1, "CONVERGENCE": 1},
			IDs:   s.IDs, Docs: s.Docs, Identifier: []string{"CONFIG_ID", "SUBTILE_COL", "SUBTILE_ROW", "TILE_ID"},
		},
		{
			Rows: 68, Pruned: 40, Format: 2, Partition: []string{"TILE_ID_trunc"}, Order: []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL", "OBJECT_ID"},
			Tiles: [][]any{{7., config, 20., 140300040.}, {7., "aa-another", 8., 56120004.}, {8., config, 40., 320600180.}},
			Nulls: map[string]int{"FLUX_ERR": 68, "HLR": 68, "HLR_ERR": 68, "E1_ERR": 68, "E2_ERR": 68, "DX": 68, "DY": 68, "SNR": 68},
			IDs:   got[1].IDs, Docs: got[1].Docs, Identifier: []string{"CONFIG_ID", "OBJECT_ID", "SUBTILE_COL", "SUBTILE_ROW", "TILE_ID"},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
