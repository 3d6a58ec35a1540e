package observations_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// The survey's tiles.
const west, east = 102018211, 102018212

// TestIndex: what is left out and told, and what is an error.
func TestIndex(t *testing.T) {
	everything := func(in *pipeline.IndexObservationsIn) { in.TileIDs = nil }
	for name, c := range map[string]struct {
		spoil   func(r *testrun.Run)
		change  func(in *pipeline.IndexObservationsIn)
		code    string // of an error
		kind    fault.Kind
		says    string // part of it
		tiles   []int64
		leftOut int
		lacking int // exposures without one of their files; the survey's last has no WGT
	}{
		"whole": {tiles: []int64{west, east}, lacking: 1},
		"all tiles, one mosaic unreadable": {
			spoil: func(r *testrun.Run) { r.Spoil(r.Find("MER/102018212")) }, change: everything,
			tiles: []int64{west}, leftOut: 1, lacking: 1,
		},
		"a tile by its id, its mosaic unreadable": {
			spoil: func(r *testrun.Run) { r.Spoil(r.Find("MER/102018212")) },
			kind:  fault.BadData, says: "TILE102018212",
		},
		"no mosaic is readable": {
			spoil: func(r *testrun.Run) {
				for _, uri := range r.FindAll("/MER/") {
					r.Spoil(uri)
				}
			},
			change: everything, kind: fault.BadInput, code: "NoTiles",
		},
		"unknown tile": {
			change: func(in *pipeline.IndexObservationsIn) { in.TileIDs = []int64{west, 7} },
			kind:   fault.BadInput, code: "UnknownTile", says: "no tile 7 among 2",
		},
		"a region without tiles": {
			change: func(in *pipeline.IndexObservationsIn) {
				in.TileIDs, in.Region = nil, settings.Region{Cone: []float64{100, 20, 1}}
			},
			kind: fault.BadInput, code: "NoTiles", says: "touches the core of none of 2 tiles",
		},
		"a region of one tile": {
			change: func(in *pipeline.IndexObservationsIn) {
				in.TileIDs, in.Region = nil, settings.Region{Cone: []float64{57.9990741, -51.5, 0.001}}
			},
			tiles: []int64{west}, lacking: 1,
		},
		"an incomplete exposure": {
			spoil: func(r *testrun.Run) { r.Remove(r.Find("SWL-BKG-002682")) },
			tiles: []int64{west, east}, lacking: 2,
		},
		"no exposure": {
			spoil: func(r *testrun.Run) {
				for _, uri := range r.FindAll("SWL-DET") {
					r.Remove(uri)
				}
			},
			kind: fault.BadInput, code: "NoObservations",
		},
		"marks that can't be read": {
			spoil: func(r *testrun.Run) { r.Store.Fail = testrun.Refuse("list") },
			kind:  fault.BadInput, code: objstore.AccessDenied, says: "redo/batches",
		},
		"a listing that is refused": {
			spoil: func(r *testrun.Run) { r.Sources.Fail = testrun.Refuse("list") },
			kind:  fault.BadInput, code: objstore.AccessDenied, says: "VIS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := testrun.New(t)
			if c.spoil != nil {
				c.spoil(r)
			}
			in := r.IndexIn()
			if c.change != nil {
				c.change(&in)
			}
			out, err := observations.Index(r.Stage("index"), in)
			if c.kind != fault.Unclassified {
				if err == nil || fault.KindOf(err) != c.kind || c.code != "" && fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v (%v, %s), want %v, %s, with %q", err, fault.KindOf(err), fault.CodeOf(err), c.kind, c.code, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(out.TileIDs, c.tiles) || len(out.LeftOut) != c.leftOut || r.Log.Says("a tile is left out", "TILE102018212") != (c.leftOut > 0) {
				t.Errorf("%+v", out)
			}
			if tiles := testrun.Load[survey.Tiles](r, out.Tiles.URI); !slices.Equal(tiles.LeftOut, out.LeftOut) || !slices.Equal(tiles.Wanted, out.TileIDs) {
				t.Errorf("tiles.json says %+v, the outputs %+v", tiles, out)
			}
			plan := testrun.Load[survey.Plan](r, out.Plan.URI)
			if plan.Exposures != 2 || plan.Incomplete != c.lacking || len(out.Batches) != len(plan.Batches) {
				t.Errorf("%s, %d batches among the outputs", plan, len(out.Batches))
			}
			if sum, err := plan.Digest(); err != nil || out.Plan.Hash != sum {
				t.Errorf("the plan's hash is %q, of the document %q (%v)", out.Plan.Hash, sum, err)
			}
		})
	}
}

// TestMarkedBatch: a batch that is marked to be read again gets another name, and
// the others keep theirs; the same mark gives the same name.
func TestMarkedBatch(t *testing.T) {
	r := testrun.New(t)
	before := r.Indexed()
	if len(before.Batches) != 2 {
		t.Fatalf("%d batches", len(before.Batches))
	}
	batch, err := survey.LoadBatch(t.Context(), r.Memory, before.Plan.URI, before.Batches[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := batch.Key()
	if err != nil {
		t.Fatal(err)
	}
	redo := survey.Redo{Store: r.Memory, Base: r.Settings.Destination.RedoBatches()}
	if err := redo.Failed(t.Context(), key, batch.Again, r.Settings.Destination.Run()); err != nil {
		t.Fatal(err)
	}
	after, again := r.Again("r2").Indexed(), r.Again("r3").Indexed()
	if after.Batches[0] == before.Batches[0] || after.Batches[1] != before.Batches[1] || after.Plan.Hash == before.Plan.Hash {
		t.Errorf("the first batch is marked: before %+v, after %+v", before, after)
	}
	if !slices.Equal(after.Batches, again.Batches) || after.Plan.Hash != again.Plan.Hash {
		t.Errorf("the same mark: %+v, then %+v", after, again)
	}
	if batch, err = survey.LoadBatch(t.Context(), r.Memory, after.Plan.URI, after.Batches[0]); err != nil || batch.Again != r.MarkedBatches()[key] || batch.Again == "" {
		t.Errorf("the batch is done again for %q, marked is %v (%v)", batch.Again, r.MarkedBatches(), err)
	}
	if now, err := batch.Key(); err != nil || now != key {
		t.Errorf("its key was %s, is %s (%v)", key, now, err)
	}
}
