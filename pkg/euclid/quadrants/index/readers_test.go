package index_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// decodeOutlines reads a file as the package's comment describes it.
const decodeOutlines = `
import json, sys, pyarrow.parquet as pq
f = pq.ParquetFile(sys.argv[1])
cells = f.read(["cell"])["cell"].to_pylist()
stats = f.metadata.row_group(0).column(0).statistics
out = []
for r in f.read().to_pylist():
    z = [(x >> 1) ^ -(x & 1) for x in r["outline"]]
    points = []
    for axis in (0, 1):
        v = z[axis::2]; n = len(v); steps = [0, v[1]]
        for i in range(2, n):
            steps.append(v[i] + (-steps[i - n // 2] if n % 2 == 0 and i > n // 2 else steps[i - 1]))
        path = [sum(steps[:i + 1]) for i in range(n)]
        first = v[0] - int(sum(path) / n)
        points.append([first + p for p in path])
    r["outline"] = points
    out.append(r)
print(json.dumps({"rows": out, "sorted": cells == sorted(cells), "first": stats.min == cells[0],
    "last": stats.max == cells[f.metadata.row_group(0).num_rows - 1]}))
`

// An independent reader finds what the package's comment says.
func TestPyArrowReads(t *testing.T) {
	python := os.Getenv(fitstest.PythonEnv)
	if python == "" {
		t.Skip("NOT CHECKED by an independent reader: " + fitstest.PythonEnv + " is not set; make test sets it")
	}
	dir, store := t.TempDir(), objstore.Open(t.Context(), objstore.Config{})
	root := filepath.Join(dir, "quadrants.json")
	// On the last face of the cube, where cells are large as unsigned numbers only.
	write := all(t, survey(places["last face"]), 0, 4)
	if _, err := index.Write(t.Context(), store, root, filepath.Join(dir, "scratch"), index.Options{GroupRows: 100}, fill(write)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	cmd := exec.Command(python, "-c", decodeOutlines, files[0])
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		Rows []struct {
			Obs, Dither, Number, Name string
			Exptime                   float64
			Outline                   [2][]float64
			SCI                       int64 `json:"sci_offset"`
			PSF                       int64 `json:"psf_length"`
			Gap                       int64 `json:"rms_gap"`
		}
		Sorted, First, Last bool
	}
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatal(err)
	}
	if !seen.Sorted || !seen.First || !seen.Last || len(seen.Rows) != len(write) {
		t.Errorf("sorted %t, statistics %t %t, %d rows", seen.Sorted, seen.First, seen.Last, len(seen.Rows))
	}
	want := map[string]int{}
	for i, q := range write {
		want[key(q)] = i
	}
	for _, r := range seen.Rows {
		q := write[want[r.Obs+"_"+r.Dither+"_"+r.Number+" "+r.Name]]
		got, exact := []any{r.SCI, r.PSF, r.Gap, r.Exptime}, []any{q.SCI.Offset, q.PSF.Length, q.RMS.Offset - q.SCI.Offset - q.SCI.Length, q.ExpTime}
		if diff := cmp.Diff(exact, got); diff != "" {
			t.Fatalf("%s (-want +got)\n%s", key(q), diff)
		}
		x, y := r.Outline[0], r.Outline[1]
		for k := range x {
			next := (k + 1) % len(x)
			d := math.Hypot(x[next]-x[k], y[next]-y[k])
			if want := sky.Separation(q.Outline[k], q.Outline[next]) / index.Precision; math.Abs(d-want) > 2 {
				t.Fatalf("%s: an edge's piece of %v mas, not %v", key(q), d, want)
			}
		}
	}
}
