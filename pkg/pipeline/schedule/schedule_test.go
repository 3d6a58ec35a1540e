package schedule_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/schedule"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// stage is a stage's context, and what it says.
func stage(t *testing.T) (context.Context, objstore.Store, *bytes.Buffer) {
	store, said := objstore.NewMemory(), new(bytes.Buffer)
	env := task.NewEnvironment(store, "mem://scratch/stage", task.Identity{Element: -1})
	env.Log = slog.New(slog.NewTextHandler(said, nil))
	return task.With(t.Context(), env), store, said
}

// TestBatches: sizes, and which branch takes them.
func TestBatches(t *testing.T) {
	for _, c := range []struct {
		tiles, size int
		kind        string
		branch      string
		sizes       []int
	}{
		{0, 3, pipeline.BatchShear, pipeline.BatchShear, nil},
		{3, 3, pipeline.BatchShear, pipeline.BatchShear, []int{3}},
		{4, 3, pipeline.BatchShear, pipeline.BatchShearByExecution, []int{3, 1}},
		{6, 3, pipeline.BatchPrepare, pipeline.BatchPrepareByExecution, []int{3, 3}},
		{1, 3, pipeline.BatchPrepare, pipeline.BatchPrepare, []int{1}},
		{2, 0, pipeline.BatchShear, pipeline.BatchShearByExecution, []int{1, 1}},
	} {
		t.Run(fmt.Sprintf("%d tiles by %d, %s", c.tiles, c.size, c.kind), func(t *testing.T) {
			ctx, _, _ := stage(t)
			in := pipeline.FanOutBatchesIn{MaxTiles: int64(c.size), Kind: c.kind}
			in.Leases = "mem://leases.json"
			for i := range c.tiles {
				in.TileIDs = append(in.TileIDs, int64(100+i))
			}
			out, err := schedule.Batches(ctx, in)
			if err != nil || out.Branch != c.branch || len(out.Items) != len(c.sizes) {
				t.Fatalf("%+v, %v", out, err)
			}
			var all []int64
			for i, b := range out.Items {
				if b.Part != int64(i) || len(b.TileIDs) != c.sizes[i] || b.Leases != in.Leases {
					t.Errorf("batch %d: %+v", i, b)
				}
				all = append(all, b.TileIDs...)
			}
			if !slices.Equal(all, in.TileIDs) {
				t.Errorf("%v became %v", in.TileIDs, all)
			}
		})
	}
}

// TestTile: what is scheduled of a tile.
func TestTile(t *testing.T) {
	const gb = int64(1e9)
	prepared := survey.Prepared{TileReport: survey.TileReport{TileID: 7, SubTiles: []survey.SubTile{
		{Cell: sky.Cell{Row: 0, Col: 0}, Status: survey.StatusOK, Memory: 5 * gb},
		{Cell: sky.Cell{Row: 0, Col: 1}, Status: survey.StatusNoSources},
		{Cell: sky.Cell{Row: 1, Col: 0}, Status: survey.StatusOK, Memory: 100 * gb},
		{Cell: sky.Cell{Row: 1, Col: 1}, Status: survey.StatusNoExposures},
	}}}
	failed := prepared
	failed.Failure = "its catalogue is corrupt"
	for name, c := range map[string]struct {
		prepared survey.Prepared
		gpu      pipeline.GPU
		want     []int64
		says     []string
		silent   bool
	}{
		"on the CPU nothing is too large":      {prepared: prepared, want: []int64{0, 2}, silent: true},
		"too large for the GPU":                {prepared: prepared, gpu: pipeline.GPU{Accelerator: "nvidia-l4"}, want: []int64{0}, says: []string{"not scheduled", "sub_tile=2", "inference needs 100.0 GB"}},
		"the GPU is large":                     {prepared: prepared, gpu: pipeline.GPU{Accelerator: "nvidia-h200-141gb"}, want: []int64{0, 2}, silent: true},
		"its memory is given":                  {prepared: prepared, gpu: pipeline.GPU{Accelerator: "somebody's own", MemoryGB: 4}, want: []int64{}, says: []string{"sub_tile=0", "inference needs 5.0 GB"}},
		"nothing is known of the GPU":          {prepared: prepared, gpu: pipeline.GPU{Accelerator: "somebody's own"}, want: []int64{0, 2}, says: []string{"nothing is known of this device's memory"}},
		"the tile failed: nothing to infer on": {prepared: failed, want: []int64{}, silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, store, said := stage(t)
			in := pipeline.ScheduleTileIn{Prepared: literal.Blob{URI: "mem://run/prepared.json"}, GPU: c.gpu}
			if err := survey.Save(ctx, store, in.Prepared.URI, c.prepared); err != nil {
				t.Fatal(err)
			}
			out, err := schedule.Tile(ctx, in)
			if err != nil || !slices.Equal(out.SubTiles, c.want) || out.SubTiles == nil {
				t.Errorf("%#v, %v; want %v", out, err, c.want)
			}
			if c.silent && said.Len() > 0 {
				t.Errorf("it says %s", said)
			}
			for _, part := range c.says {
				if !strings.Contains(said.String(), part) {
					t.Errorf("it says %q, want %q", said, part)
				}
			}
		})
	}
	ctx, store, _ := stage(t)
	if _, err := schedule.Tile(ctx, pipeline.ScheduleTileIn{Prepared: literal.Blob{URI: "mem://run/gone.json"}}); fault.CodeOf(err) != objstore.NotFound {
		t.Errorf("no document: %v", err)
	}
	if _, err := objstore.WriteFile(ctx, store, "mem://run/bad.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := schedule.Tile(ctx, pipeline.ScheduleTileIn{Prepared: literal.Blob{URI: "mem://run/bad.json"}}); fault.KindOf(err) != fault.BadData {
		t.Errorf("a document that is none: %v", err)
	}
}
