package testrun

import (
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
	"github.com/cosmostat/constellation/pkg/pipeline/inference"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
	"github.com/cosmostat/constellation/pkg/survey"
)

// IndexIn is what index_observations takes.
func (r *Run) IndexIn() pipeline.IndexObservationsIn {
	return pipeline.IndexObservationsIn{
		Source: r.Settings.Source, Tiling: r.Settings.Tiling, TileIDs: r.Settings.TileIDs, Region: r.Settings.Region, FilesPerTask: r.Settings.FilesPerTask, Destination: r.Settings.Destination,
	}
}

// Indexed is what it gives.
func (r *Run) Indexed() pipeline.IndexObservationsOut {
	r.t.Helper()
	out, err := observations.Index(r.Stage("index"), r.IndexIn())
	r.check(err)
	return out
}

// ReadIn is what the element of read_footprints for a batch takes.
func (r *Run) ReadIn(indexed pipeline.IndexObservationsOut, batch int) pipeline.ReadFootprintsIn {
	return pipeline.ReadFootprintsIn{
		Source: r.Settings.Source, Access: r.Settings.Access, Plan: indexed.Plan, Batch: indexed.Batches[batch], Destination: r.Settings.Destination,
	}
}

// MergeIn is what merge_footprints takes, when all batches were read.
func (r *Run) MergeIn(indexed pipeline.IndexObservationsOut) pipeline.MergeFootprintsIn {
	r.t.Helper()
	in := pipeline.MergeFootprintsIn{Plan: indexed.Plan, MaxMissing: r.Settings.MaxMissing, Destination: r.Settings.Destination}
	for i := range indexed.Batches {
		out, err := footprints.Read(r.Stage("read"), r.ReadIn(indexed, i))
		r.check(err)
		in.Footprints, in.Unreadable = append(in.Footprints, &out.Footprints), append(in.Unreadable, &out.Unreadable)
	}
	return in
}

// PlanIn is what fan_out_tiles takes.
func (r *Run) PlanIn() pipeline.FanOutTilesIn {
	r.t.Helper()
	indexed := r.Indexed()
	merged, err := footprints.Merge(r.Stage("merge"), r.MergeIn(indexed))
	r.check(err)
	return pipeline.FanOutTilesIn{
		TileIDs: indexed.TileIDs, Branch: pipeline.BranchCPU, TileSettings: r.Settings.TileSettings, Plan: indexed.Plan, Tiles: indexed.Tiles, Index: merged.Index,
	}
}

// Planned are the tiles, as each one's sub-workflow takes them.
func (r *Run) Planned() []pipeline.TileIn {
	r.t.Helper()
	out, err := tiles.Plan(r.Stage("plan"), r.PlanIn())
	r.check(err)
	return out.Items
}

// Tile is a prepared tile.
type Tile struct {
	pipeline.TileIn
	pipeline.PrepareTileOut
	Document *survey.Prepared
}

// Prepared are all tiles. One that failed for reasons of its own is among them.
func (r *Run) Prepared() (all []Tile) {
	r.t.Helper()
	for _, in := range r.Planned() {
		if in.TileID == r.Garbled {
			r.Sources.Fail = func(_, uri string) error {
				if strings.Contains(uri, "/catalogs/") {
					return fault.Data("FITSGarbled", "garbled").On(uri)
				}
				return nil
			}
		}
		out, err := tiles.Prepare(r.Stage("prepare"), in.PrepareTileIn)
		r.check(err)
		r.Sources.Fail = nil
		all = append(all, Tile{in, out, Load[survey.Prepared](r, out.Prepared.URI)})
	}
	return all
}

// InferIn is what the element of infer_subtile for a sub-tile takes.
func (r *Run) InferIn(t Tile, subTile int64) pipeline.InferSubtileIn {
	return pipeline.InferSubtileIn{
		Prepared: t.Prepared, SubTile: subTile, Inference: t.Inference, InferenceKey: t.InferenceKey, Limits: t.Limits, Destination: r.Settings.Destination,
	}
}

// Inferred are the outcomes of all tiles, as the map over each one's sub-tiles
// leaves them: none where the data can't be measured.
func (r *Run) Inferred(all []Tile) (prepared []literal.Blob, outcomes [][]*literal.Blob) {
	r.t.Helper()
	for _, t := range all {
		of := []*literal.Blob{}
		for _, i := range t.Document.ToInfer(0) {
			out, err := inference.Infer(r.Stage("infer"), r.InferIn(t, i))
			switch {
			case err == nil:
				of = append(of, &out.Outcome)
			case fault.KindOf(err) == fault.BadData, fault.KindOf(err) == fault.BadInput:
				of = append(of, nil)
			default:
				r.t.Fatal(err)
			}
		}
		prepared, outcomes = append(prepared, t.Prepared), append(outcomes, of)
	}
	return prepared, outcomes
}
