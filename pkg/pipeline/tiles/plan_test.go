package tiles_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
	"github.com/cosmostat/constellation/pkg/survey"
)

// The survey's tiles.
const west, east = 102018211, 102018212

// redo is where a run's tiles are marked.
func redo(r *testrun.Run) survey.Redo {
	return survey.Redo{Store: r.Memory, Base: r.Settings.Destination.RedoTiles()}
}

// TestPlan: what changes a tile's key and that of its inference, and what doesn't.
func TestPlan(t *testing.T) {
	r := testrun.New(t)
	in := r.PlanIn()
	plan := func(run string, change func(in *pipeline.FanOutTilesIn)) []pipeline.TileIn {
		t.Helper()
		next, of := r.Again(run), in
		of.Destination = next.Settings.Destination
		if change != nil {
			change(&of)
		}
		out, err := tiles.Plan(next.Stage("plan"), of)
		if err != nil {
			t.Fatal(err)
		}
		if out.Branch != of.Branch || out.Accelerator != of.GPU.Accelerator || len(out.Items) != 2 {
			t.Fatalf("%+v", out)
		}
		for i, item := range out.Items {
			if item.TileID != of.TileIDs[i] || item.Destination != of.Destination {
				t.Errorf("item %d is %+v", i, item)
			}
		}
		return out.Items
	}
	first := plan("r1", nil)
	key, err := testrun.Load[survey.TilePlan](r, first[0].Plan.URI).Key()
	if err != nil || key != first[0].Key {
		t.Errorf("without a mark the key is the plan's own, %s: %s (%v)", key, first[0].Key, err)
	}
	changed := func(what string, now []pipeline.TileIn, west, east, inference bool) {
		t.Helper()
		for i, want := range []bool{west, east} {
			if got := now[i].Key != first[i].Key; got != want {
				t.Errorf("%s: the key of tile %d is another: %v", what, now[i].TileID, got)
			}
			if got := now[i].InferenceKey != first[i].InferenceKey; got != inference {
				t.Errorf("%s: the inference's key is another: %v", what, got)
			}
		}
	}
	changed("another run", plan("r2", nil), false, false, false)
	changed("other limits, another GPU", plan("r2", func(in *pipeline.FanOutTilesIn) {
		in.Limits.TimeoutSeconds, in.GPU.Accelerator, in.Branch = 1, "nvidia-l4", pipeline.BranchGPU
	}), false, false, false)
	changed("another inference", plan("r2", func(in *pipeline.FanOutTilesIn) { in.Inference.Inference = "inference: {n: 3}\n" }), false, false, true)
	changed("another grid", plan("r2", func(in *pipeline.FanOutTilesIn) { in.Tiling.Rows = 3 }), true, true, false)

	if err := redo(r).Failed(t.Context(), key, "", "r1"); err != nil {
		t.Fatal(err)
	}
	marked, again := plan("r3", nil), plan("r4", nil)
	changed("the west is marked", marked, true, false, false)
	if marked[0].Key != again[0].Key {
		t.Error("the same mark gives another key")
	}
	if p := testrun.Load[survey.TilePlan](r, marked[0].Plan.URI); p.Again != r.MarkedTiles()[key] || p.Again == "" {
		t.Errorf("the plan is made again for %q, marked is %v", p.Again, r.MarkedTiles())
	}
	eastern, err := testrun.Load[survey.TilePlan](r, first[1].Plan.URI).Key()
	if err != nil {
		t.Fatal(err)
	}
	if err := redo(r).Dropped(t.Context(), eastern, "", r.Settings.Destination.ConfigID, "r1"); err != nil {
		t.Fatal(err)
	}
	changed("the east's pixels were dropped, which are of no use to this configuration", plan("r5", nil), true, false, false)
	changed("another configuration wants them", plan("r6", func(in *pipeline.FanOutTilesIn) { in.Destination.ConfigID = strings.Repeat("0", 64) }), true, true, false)
}

func TestPlanRefuses(t *testing.T) {
	r := testrun.New(t)
	in := r.PlanIn()
	before := r.FindAll("")
	none := in
	none.TileIDs = nil
	if out, err := tiles.Plan(r.Stage("plan"), none); err != nil || len(out.Items) != 0 || out.Branch != in.Branch {
		t.Errorf("no tiles: %+v, %v", out, err)
	}
	if after := r.FindAll(""); !slices.Equal(before, after) {
		t.Errorf("no tiles leave documents: %v", after)
	}
	for name, c := range map[string]struct {
		change func(in *pipeline.FanOutTilesIn)
		code   string
	}{
		"an unknown tile": {func(in *pipeline.FanOutTilesIn) { in.TileIDs = []int64{west, 7} }, "UnknownTile"},
		"no index":        {func(in *pipeline.FanOutTilesIn) { in.Index.URI += ".gone" }, "NotFound"},
		"no tiles.json":   {func(in *pipeline.FanOutTilesIn) { in.Tiles.URI += ".gone" }, "NotFound"},
		"no plan":         {func(in *pipeline.FanOutTilesIn) { in.Plan.URI += ".gone" }, "NotFound"},
	} {
		wrong := in
		c.change(&wrong)
		if out, err := tiles.Plan(r.Stage("plan"), wrong); fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.BadInput || len(out.Items) > 0 {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
}
