package shear_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// The survey's tiles.
const west, east = 102018211, 102018212

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inferred is what assemble_catalog takes of a run whose sub-tiles were inferred.
func inferred(r *testrun.Run, all []testrun.Tile) pipeline.AssembleCatalogIn {
	in := pipeline.AssembleCatalogIn{Destination: r.Settings.Destination, Inference: r.Settings.Inference}
	in.Prepared, in.Outcomes = r.Inferred(all)
	in.Catalog = r.Settings.Catalog
	return in
}

// base is a run whose sub-tiles were inferred, which is made once.
var base struct {
	run *testrun.Run
	all []testrun.Tile
	in  pipeline.AssembleCatalogIn
}

// start is a copy of that.
func start(t *testing.T) (*testrun.Run, []testrun.Tile, pipeline.AssembleCatalogIn) {
	t.Helper()
	if base.run == nil {
		base.run = testrun.New(t)
		base.all = base.run.Prepared()
		base.in = inferred(base.run, base.all)
	}
	r, in := base.run.Copy(t), base.in
	in.Catalog, in.Prepared, in.Outcomes = r.Settings.Catalog, slices.Clone(in.Prepared), nil
	for _, of := range base.in.Outcomes {
		in.Outcomes = append(in.Outcomes, slices.Clone(of))
	}
	return r, slices.Clone(base.all), in
}

// assembled commits that, and writes the run's record.
func assembled(t *testing.T, r *testrun.Run, in pipeline.AssembleCatalogIn) literal.Blob {
	t.Helper()
	out, err := shear.Assemble(r.Stage("assemble"), in)
	check(t, err)
	run, err := record.Run(r.Stage("record"), pipeline.RecordRunIn{Parts: []literal.Blob{out.Part}, Destination: r.Settings.Destination})
	check(t, err)
	return run.Run
}

// rows are the statuses of a catalogue, and the runs that measured them.
func rows(t *testing.T, r *testrun.Run) (status, by map[sky.SubTileID]string) {
	t.Helper()
	c, err := catalog.Open(t.Context(), r.Settings.Catalog)
	check(t, err)
	defer c.Close()
	status, by = map[sky.SubTileID]string{}, map[sky.SubTileID]string{}
	for row, err := range c.Rows(t.Context(), catalog.Filter{}) {
		check(t, err)
		id := row.ID()
		if status[id] != "" {
			t.Errorf("two rows of %s", id)
		}
		status[id], by[id] = row.Status, row.RunID
	}
	return status, by
}

// edit changes what the sub-tile 0_1 of the west is said to have come to.
func edit(r *testrun.Run, in *pipeline.AssembleCatalogIn, change func(o *survey.Outcome)) {
	uri := in.Outcomes[0][1].URI
	o := testrun.Load[survey.Outcome](r, uri)
	change(o)
	r.Save(uri, o)
}

// rewrite changes its row, as if the engine had written it so.
func rewrite(r *testrun.Run, in *pipeline.AssembleCatalogIn, change func(s *results.Shear)) {
	edit(r, in, func(o *survey.Outcome) {
		all, err := results.LoadShear(context.Background(), r.Memory, o.Shear)
		if err != nil {
			panic(err)
		}
		change(&all[0])
		var b bytes.Buffer
		if err := results.WriteShear(&b, all); err != nil {
			panic(err)
		}
		if _, err := objstore.WriteFile(context.Background(), r.Memory, o.Shear.URI, b.Bytes()); err != nil {
			panic(err)
		}
		o.Shear.SHA256 = ""
	})
}

// TestAssemble: why sub-tiles have no result is found out, and the others are committed.
func TestAssemble(t *testing.T) {
	lost := sky.ID(west, 0, 1)
	const dir = "mem://products/r1/102018211/0_1"
	for name, c := range map[string]struct {
		spoil  func(r *testrun.Run, in *pipeline.AssembleCatalogIn)
		reason string // of the one sub-tile that failed
		also   string // not in the reason
		marked bool   // the tile
	}{
		"good": {},
		"an outcome was lost with its pod": {
			spoil:  func(_ *testrun.Run, in *pipeline.AssembleCatalogIn) { in.Outcomes[0][1] = nil },
			reason: survey.Lost,
		},
		"this run's failure.json says why": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				in.Outcomes[0][1] = nil
				fails(r, dir, "r1", lost)
			},
			reason: "it diverged",
		},
		"an earlier run's says nothing": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				in.Outcomes[0][1] = nil
				fails(r, dir, "r0", lost)
			},
			reason: survey.Lost, also: "diverged",
		},
		"a result with a failure.json beside it": {
			spoil: func(r *testrun.Run, _ *pipeline.AssembleCatalogIn) { fails(r, dir, "r1", lost) },
		},
		"a result that is corrupt": {
			spoil:  func(r *testrun.Run, _ *pipeline.AssembleCatalogIn) { r.Spoil(dir + "/results/shear.parquet") },
			reason: dir + "/results/shear.parquet", marked: true,
		},
		"a result that is gone": {
			spoil:  func(r *testrun.Run, _ *pipeline.AssembleCatalogIn) { r.Remove(dir + "/results/sources.parquet") },
			reason: "no such object; a new run, under another --run-id, makes the tile again", marked: true,
		},
		"the directory holds something else by now": {
			spoil: func(r *testrun.Run, _ *pipeline.AssembleCatalogIn) {
				r.Save(dir+"/provenance.json", manifest.Provenance{Plan: "another"})
			},
			reason: dir + ": " + survey.Replaced, marked: true,
		},
		"the directory is made again": {
			spoil:  func(r *testrun.Run, _ *pipeline.AssembleCatalogIn) { r.Remove(dir + "/manifest_local.yaml") },
			reason: "not complete any more", marked: true,
		},
		"an outcome of other products": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				edit(r, in, func(o *survey.Outcome) { o.Plan = "another" })
			},
			reason: "something else than was prepared", marked: true,
		},
		"an outcome of another configuration": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				edit(r, in, func(o *survey.Outcome) { o.ConfigID = "another" })
			},
			reason: "under configuration another", marked: true,
		},
		"another centre": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				rewrite(r, in, func(s *results.Shear) { s.RA += 0.001 })
			},
			reason: "columns RA and DEC, row 0: the sub-tile's centre is",
		},
		"a centre that was a float32": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				rewrite(r, in, func(s *results.Shear) { s.RA, s.Dec = float64(float32(s.RA)), float64(float32(s.Dec)) })
			},
		},
		"a centre that is no number": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				rewrite(r, in, func(s *results.Shear) { s.Dec = math.NaN() })
			},
			reason: "column DEC, row 0: is not finite",
		},
		"a method of another engine": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				rewrite(r, in, func(s *results.Shear) { s.Method = "nuts" })
			},
			reason: `column METHOD, row 0: is "nuts", the configuration's engine and inference.method give mock`,
		},
		"too large for the GPU": {
			spoil: func(r *testrun.Run, in *pipeline.AssembleCatalogIn) {
				prepared := testrun.Load[survey.Prepared](r, in.Prepared[0].URI)
				prepared.SubTiles[1].Memory = 100e9
				r.Save(in.Prepared[0].URI, prepared)
				in.GPU.Accelerator = "nvidia-l4"
				in.Outcomes[0] = append(in.Outcomes[0][:1:1], in.Outcomes[0][2:]...) // it was not scheduled
			},
			reason: "inference needs 100.0 GB",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, in := start(t)
			if c.spoil != nil {
				c.spoil(r, &in)
			}
			in.Part = 2
			out, err := shear.Assemble(r.Stage("assemble"), in)
			if err != nil || out.Part.URI != "mem://products/r1/parts/00002.json" || out.ShearRows != 8 || out.Snapshot == 0 {
				t.Fatalf("%+v, %v", out, err)
			}
			part := testrun.Load[survey.Run](r, out.Part.URI)
			status, _ := rows(t, r)
			if len(status) != 8 || part.SubTiles() != 8 {
				t.Errorf("%d rows, %d sub-tiles in the record", len(status), part.SubTiles())
			}
			for _, tile := range part.Tiles {
				for _, s := range tile.SubTiles {
					if status[s.SubTileID] != s.Status {
						t.Errorf("%s is %s in the catalogue, %s in the record", s.SubTileID, status[s.SubTileID], s.Status)
					}
					if failed := s.SubTileID == lost && c.reason != ""; failed != (s.Status == survey.StatusFailed) {
						t.Errorf("%+v", s)
					}
					if s.SubTileID == lost && (!strings.Contains(s.Reason, c.reason) || c.also != "" && strings.Contains(s.Reason, c.also)) {
						t.Errorf("the reason is %q, want %q", s.Reason, c.reason)
					}
				}
			}
			if marks := r.MarkedTiles(); (len(marks) > 0) != c.marked || c.marked && marks[part.Tiles[0].Plan] == "" {
				t.Errorf("marks: %v", marks)
			}
			again, err := shear.Assemble(r.Stage("assemble"), in)
			if err != nil || again != out {
				t.Errorf("assembled again: %+v, %v; before %+v", again, err, out)
			}
		})
	}
}

// fails writes a failure into a sub-tile's directory.
func fails(r *testrun.Run, dir, run string, id sky.SubTileID) {
	o := survey.Outcome{SubTileID: id, Status: survey.StatusFailed, Reason: "it diverged", Directory: dir}
	r.Save(dir+"/failure.json", survey.Failure{Run: run, Outcome: o})
}

// TestAssembleMarks: a tile that failed is marked, for a cache may have answered
// with its failure; also where nothing can be committed.
func TestAssembleMarks(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, r *testrun.Run, in *pipeline.AssembleCatalogIn)
		code  string
	}{
		"good": {},
		"leases that are gone": {func(_ *testing.T, _ *testrun.Run, in *pipeline.AssembleCatalogIn) {
			in.Leases = "mem://scratch/gone.json"
		}, objstore.NotFound},
		"no catalogue is there": {func(_ *testing.T, _ *testrun.Run, in *pipeline.AssembleCatalogIn) { in.Catalog.URI = "mysql://h/x" }, catalog.CodeSettings},
	} {
		t.Run(name, func(t *testing.T) {
			r := testrun.New(t)
			r.Garbled = west
			all := r.Prepared()
			in := inferred(r, all)
			for key := range r.MarkedTiles() {
				r.Remove(r.Settings.Destination.RedoTiles() + "/" + key + ".json") // as if a cache had answered
			}
			if c.spoil != nil {
				c.spoil(t, r, &in)
			}
			out, err := shear.Assemble(r.Stage("assemble"), in)
			if fault.CodeOf(err) != c.code || err != nil && out.Part.URI != "" {
				t.Errorf("%+v, %v", out, err)
			}
			if marks := r.MarkedTiles(); len(marks) != 1 || marks[all[0].Document.Plan] == "" {
				t.Errorf("marks: %v", marks)
			}
			if err != nil {
				return
			}
			if status, _ := rows(t, r); len(status) != 8 || status[sky.ID(west, 0, 0)] != survey.StatusFailed || status[sky.ID(east, 0, 0)] != survey.StatusOK {
				t.Errorf("%v", status)
			}
		})
	}
}

func TestAssembleRefuses(t *testing.T) {
	r, _, in := start(t)
	in.Outcomes = in.Outcomes[:1]
	if out, err := shear.Assemble(r.Stage("assemble"), in); fault.CodeOf(err) != "TileCount" || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "2 tiles were prepared, 1 have outcomes") {
		t.Errorf("%+v, %v", out, err)
	}
	r, _, in = start(t)
	in.Prepared[1].URI += ".gone"
	if out, err := shear.Assemble(r.Stage("assemble"), in); fault.CodeOf(err) != objstore.NotFound {
		t.Errorf("%+v, %v", out, err)
	}
	if left := r.FindAll("/parts/"); len(left) > 0 {
		t.Errorf("errors leave records: %v", left)
	}
}

// TestKeptRows: a sub-tile that fails this time keeps what an earlier run measured.
func TestKeptRows(t *testing.T) {
	r, all, in := start(t)
	assembled(t, r, in)
	next := r.Again("r2")
	in = inferred(next, all)
	in.Outcomes[0][1] = nil
	assembled(t, next, in)
	status, by := rows(t, r)
	if id := sky.ID(west, 0, 1); status[id] != survey.StatusOK || by[id] != "r1" {
		t.Errorf("%s is %s, by %s", id, status[id], by[id])
	}
	if id := sky.ID(west, 0, 0); status[id] != survey.StatusOK || by[id] != "r2" {
		t.Errorf("%s is %s, by %s", id, status[id], by[id])
	}
}

// TestAssembleDirectories: what a run's directories and its record say together.
func TestAssembleDirectories(t *testing.T) {
	const dir = "mem://products/r1/102018212/0_1"
	lost := sky.ID(east, 0, 1)
	for name, c := range map[string]struct {
		record  bool // of the run by the engine, before
		garbled int64
		spoil   func(r *testrun.Run)
		code    string
		says    string
		failed  map[sky.SubTileID]string // and parts of their reasons
		marked  bool
	}{
		"good, without a record": {},
		"good, with a record":    {record: true},
		"a tile without directories that the record has": {
			record: true, garbled: west, marked: true,
			failed: map[sky.SubTileID]string{sky.ID(west, 0, 0): "garbled", sky.ID(west, 0, 1): "garbled", sky.ID(west, 1, 0): "garbled", sky.ID(west, 1, 1): "garbled"},
		},
		"this run's failure.json beside results": {
			spoil: func(r *testrun.Run) { fails(r, dir, "r1", lost) }, failed: map[sky.SubTileID]string{lost: "it diverged"},
		},
		// By hand the name need not be the run's: its directory may have been renamed.
		"a failure.json under another name": {
			spoil: func(r *testrun.Run) { fails(r, dir, "r0", lost) }, failed: map[sky.SubTileID]string{lost: "it diverged"},
		},
		"no results": {
			spoil: func(r *testrun.Run) {
				for _, uri := range r.FindAll(dir, "/results/") {
					r.Remove(uri)
				}
			},
			failed: map[sky.SubTileID]string{lost: "constellation infer makes one"},
		},
		"results that are corrupt": {
			spoil: func(r *testrun.Run) { r.Spoil(dir + "/results/shear.parquet") }, failed: map[sky.SubTileID]string{lost: "shear.parquet"},
		},
		"directories that were removed": {
			record: true,
			spoil: func(r *testrun.Run) {
				for _, uri := range r.FindAll(dir) {
					r.Remove(uri)
				}
			},
			code: assemble.CodeElsewhere, says: "4 sub-tiles of tile 102018212, below it lie 3",
		},
		"results of what was there before": {
			spoil: func(r *testrun.Run) {
				r.Save(dir+"/results/summary.json", survey.Summary{ConfigID: r.Settings.Destination.ConfigID, Plan: "another"})
			},
			failed: map[sky.SubTileID]string{lost: "prepared from something else since it was inferred"},
		},
		"a sub-tile made from something else than its siblings": {
			spoil: func(r *testrun.Run) {
				text, err := objstore.ReadFile(context.Background(), r.Memory, dir+"/manifest_local.yaml")
				if err != nil {
					panic(err)
				}
				m, err := manifest.Read(bytes.NewReader(text))
				if err != nil {
					panic(err)
				}
				m.Plan = "another"
				var b bytes.Buffer
				if err := manifest.Write(&b, m); err != nil {
					panic(err)
				}
				if _, err := objstore.WriteFile(context.Background(), r.Memory, dir+"/manifest_local.yaml", b.Bytes()); err != nil {
					panic(err)
				}
			},
			code: assemble.CodeConfig, says: "sub-tiles of tile 102018212 were made from different inputs",
		},
		"prepared with another grid": {
			spoil: func(r *testrun.Run) {
				r.Settings.Tiling.Rows, r.Settings.Destination.ConfigID = 3, strings.Repeat("0", 64)
			}, code: survey.CodeRunTaken, says: "its tiling.sub_tile_grid is [2, 2], here it is [3, 2]",
		},
		"measured under another configuration": {
			record: true, spoil: func(r *testrun.Run) { r.Settings.Destination.ConfigID = strings.Repeat("0", 64) }, code: survey.CodeRunTaken, says: "another --run-id",
		},
		"no directories": {
			spoil: func(r *testrun.Run) {
				for _, uri := range r.FindAll("mem://products/r1/") {
					r.Remove(uri)
				}
			},
			code: "RunEmpty",
		},
		"another configuration's": {spoil: func(r *testrun.Run) { r.Settings.Destination.ConfigID = strings.Repeat("0", 64) }, code: assemble.CodeConfig},
	} {
		t.Run(name, func(t *testing.T) {
			r, all, in := start(t)
			if c.garbled != 0 {
				r = testrun.New(t)
				r.Garbled = c.garbled
				all = r.Prepared()
				in = inferred(r, all)
			}
			before := &survey.Run{}
			if c.record {
				before = testrun.Load[survey.Run](r, assembled(t, r, in).URI)
			}
			if c.spoil != nil {
				c.spoil(r)
			}
			for key := range r.MarkedTiles() {
				r.Remove(r.Settings.Destination.RedoTiles() + "/" + key + ".json")
			}
			total, _, err := shear.AssembleDirectories(r.Stage("assemble"), r.Settings)
			if fault.CodeOf(err) != c.code || err == nil && c.code != "" || err != nil && (c.code == "" || !strings.Contains(err.Error(), c.says)) {
				t.Fatalf("%+v, %v; want %s with %q", total, err, c.code, c.says)
			}
			if err != nil {
				return
			}
			run := testrun.Load[survey.Run](r, "mem://products/r1/run.json")
			status, _ := rows(t, r)
			if run.SubTiles() != 8 || len(status) != 8 || total.ShearRows != 8 {
				t.Errorf("%d sub-tiles in the record, %d rows, %+v", run.SubTiles(), len(status), total)
			}
			for i, tile := range run.Tiles {
				for _, s := range tile.SubTiles {
					why, failed := c.failed[s.SubTileID]
					if failed != (s.Status == survey.StatusFailed) || !strings.Contains(s.Reason, why) || status[s.SubTileID] != s.Status {
						t.Errorf("%+v; in the catalogue it is %s", s, status[s.SubTileID])
					}
				}
				if c.record && (tile.Plan == "" || tile.Plan != before.Tiles[i].Plan || tile.Failure != before.Tiles[i].Failure) {
					t.Errorf("%+v, before %+v", tile, before.Tiles[i])
				}
			}
			if marks := r.MarkedTiles(); c.marked != (marks[all[0].Document.Plan] != "") {
				t.Errorf("marks: %v", marks)
			}
		})
	}
}

// TestElsewhere: a run whose sub-tiles lie in an earlier one's directories can't
// be told from its own.
func TestElsewhere(t *testing.T) {
	r, all, _ := start(t)
	next := r.Again("r2")
	all[1] = next.Prepared()[1]
	for _, uri := range r.FindAll("mem://products/r2/102018211/") { // the cache has these
		r.Remove(uri)
	}
	in := inferred(next, all)
	assembled(t, next, in)
	if total, _, err := shear.AssembleDirectories(next.Stage("assemble"), next.Settings); fault.CodeOf(err) != assemble.CodeElsewhere {
		t.Errorf("%+v, %v", total, err)
	}
}
