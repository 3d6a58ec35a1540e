package assemble

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// rowsPerRecord is about how many sources a record has: several sub-tiles', so that
// what a record costs by itself doesn't count.
const rowsPerRecord = 1 << 15

// part is what one commit is of: some tiles of a run, and their sub-tiles in the
// order of their keys.
type part struct {
	run   *survey.Run
	tiles []*survey.RunTile
	subs  []*survey.RunSubTile

	plans  map[*survey.RunSubTile]string   // keys of what their tiles were made from
	rows   map[sky.SubTileID]results.Shear // of the sub-tiles whose results were read
	read   bool                            // all results were
	lost   int                             // sub-tiles that failed for their results
	learnt int                             // that are now known better than the record had them
}

func newPart(run *survey.Run, tiles []*survey.RunTile) (*part, error) {
	p := &part{run: run, tiles: tiles, plans: map[*survey.RunSubTile]string{}, rows: map[sky.SubTileID]results.Shear{}}
	for _, t := range tiles {
		for i := range t.SubTiles {
			p.subs = append(p.subs, &t.SubTiles[i])
			p.plans[&t.SubTiles[i]] = t.Plan
		}
	}
	slices.SortFunc(p.subs, func(a, b *survey.RunSubTile) int { return a.Compare(b.SubTileID) })
	for i := 1; i < len(p.subs); i++ {
		if p.subs[i].SubTileID == p.subs[i-1].SubTileID {
			return nil, fault.Data(commits.CodeBatch, "two outcomes of one sub-tile").At("%s", p.subs[i].SubTileID)
		}
	}
	return p, nil
}

// measured says whether inference says that there are results.
func measured(s *survey.RunSubTile) bool { return s.Status != survey.StatusFailed && s.Shear.URI != "" }

// sources reads the results of the part's sub-tiles, each file once, and gives
// their sources in the order of keys, once they are held to what they were planned
// from. Results that can't be used fail their sub-tile, alone. Run again, it reads
// the sources alone: the rest is known.
func (p *part) sources(ctx context.Context, r objstore.Reader, methods []string) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if p.read {
			p.stream(ctx, fetchSources(r), p.with(func(s *survey.RunSubTile) bool { return measured(s) && s.Sources.URI != "" }), p.again, yield)
			return
		}
		for _, s := range p.subs {
			if s.Status == survey.StatusOK && s.Shear.URI == "" {
				p.lose(s, fault.Data(commits.CodeBatch, "the outcome is %s and names no results", s.Status).On(s.Directory))
			}
		}
		take := func(is left, to *columnar.Table) error { return p.take(is, methods, to) }
		p.read = p.stream(ctx, fetchAll(r), p.with(measured), take, yield)
	}
}

func (p *part) with(f func(*survey.RunSubTile) bool) []*survey.RunSubTile {
	return slices.DeleteFunc(slices.Clone(p.subs), func(s *survey.RunSubTile) bool { return !f(s) })
}

// stream gives records of what take has of sub-tiles, and says whether it came to their end.
func (p *part) stream(ctx context.Context, fetch func(context.Context, *survey.RunSubTile) left, subs []*survey.RunSubTile,
	take func(left, *columnar.Table) error, yield func(arrow.RecordBatch, error) bool) bool {
	cols := results.SourceColumns()
	room := rowsPerRecord * 5 / 4
	rows := columnar.NewTable(cols, min(room, 2000*len(subs)))
	for is := range ahead(ctx, subs, fetch) {
		err := is.err
		if before := rows.Rows; err == nil {
			if err = take(is, rows); err != nil {
				rows.Cut(before)
			}
		}
		switch {
		case err == nil:
		case is.sub != nil && Unusable(err) && !p.read:
			p.lose(is.sub, err)
		default:
			yield(nil, err)
			return false
		}
		if rows.Rows >= rowsPerRecord {
			if !yield(recordOf(cols, rows), nil) {
				return false
			}
			rows = columnar.NewTable(cols, room)
		}
	}
	return rows.Rows == 0 || yield(recordOf(cols, rows), nil)
}

// take holds the results of a sub-tile to what it was planned from, and keeps its
// row and appends its sources.
func (p *part) take(is left, methods []string, to *columnar.Table) error {
	s, from := is.sub, to.Rows
	rows, err := results.ParseShear(is.shear)
	if err != nil {
		return results.On(err, s.Shear.URI)
	}
	if len(rows) != 1 || rows[0].ID() != s.SubTileID {
		return fault.Data(commits.CodeBatch, "it has %d rows, it must hold the one row of its sub-tile", len(rows)).On(s.Shear.URI).Fix("run the inference of this sub-tile again")
	}
	if s.Sources.URI != "" {
		if err := results.AppendSources(is.sources, to); err != nil {
			return results.On(err, s.Sources.URI)
		}
	}
	if err := hold(is, &rows[0], to, from, methods, p.run.ConfigID); err != nil {
		return err
	}
	results.SortSources(to, from)
	p.rows[s.SubTileID] = rows[0]
	p.learn(s, rows[0].Status, is.files)
	return nil
}

// again appends the sources of a sub-tile whose results were held to all of that before.
func (p *part) again(is left, to *columnar.Table) error {
	from := to.Rows
	if err := results.AppendSources(is.sources, to); err != nil {
		return results.On(err, is.sub.Sources.URI)
	}
	results.SortSources(to, from)
	return nil
}

// learn keeps what a sub-tile's results are, and what became of it.
func (p *part) learn(s *survey.RunSubTile, status string, files [2]survey.File) {
	before := s.Outcome
	s.Shear = files[0]
	if s.Sources.URI != "" {
		s.Sources = files[1]
	}
	if s.Status != status {
		s.Status, s.Reason = status, ""
		if status == survey.StatusFailed {
			s.Reason = "the engine says so"
		}
	}
	if s.Outcome != before {
		p.learnt++
	}
}

// lose has a sub-tile fail for its results, which are named no more.
func (p *part) lose(s *survey.RunSubTile, err error) {
	o := survey.Outcome{SubTileID: s.SubTileID, Status: survey.StatusFailed, Reason: err.Error(), Directory: s.Directory, Redo: replaced(err)}
	switch {
	case !o.Redo:
	case p.plans[s] != "": // the tile is marked
		o.Reason += survey.Remade
	default:
		o.Reason += "; infer the sub-tile again"
	}
	s.Outcome = o
	p.lost++
}

// shear gives every planned sub-tile a row: of one that has no results it says so.
// Before the results are read, theirs say nothing but how they are said to have ended.
func (p *part) shear() []results.Shear {
	all := make([]results.Shear, len(p.subs))
	for i, s := range p.subs {
		row, is := p.rows[s.SubTileID]
		switch {
		case !measured(s):
			row = without(s)
		case !is:
			row = results.Shear{TileID: s.TileID, Row: int32(s.Row), Col: int32(s.Col), RA: s.RA, Dec: s.Dec, Status: cmp.Or(s.Status, survey.StatusOK)}
		}
		all[i] = row
	}
	return all
}

// without is the shear row of a sub-tile that was not measured.
func without(s *survey.RunSubTile) results.Shear {
	status := s.Status
	if status == "" || status == survey.StatusOK {
		status = survey.StatusFailed
	}
	return results.Shear{TileID: s.TileID, Row: int32(s.Row), Col: int32(s.Col), RA: s.RA, Dec: s.Dec, Status: status}
}

// Unusable says whether a results file failed for good and by itself: it is
// gone, or its content is bad. Reading it again would not help, and it says
// nothing about other sub-tiles' files.
func Unusable(err error) bool {
	return fault.KindOf(err) == fault.BadData || fault.CodeOf(err) == objstore.NotFound
}

// replaced says whether a results file is gone or not what inference wrote, as
// one of an earlier run may be that the cache still knows of.
func replaced(err error) bool {
	code := fault.CodeOf(err)
	return code == objstore.NotFound || code == results.CodeCorrupt
}
