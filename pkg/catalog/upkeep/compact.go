package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/catalog/files"
	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// Compaction is what is to be rewritten of a table, and what was.
type Compaction struct {
	Table    string `json:"table"`
	Files    int    `json:"files"`               // data files when it began
	Small    int    `json:"small,omitempty"`     // of them to rewrite since they are short
	Deleted  int    `json:"deleted,omitempty"`   // or since rows of them are deleted
	Old      int    `json:"old,omitempty"`       // or since they are of an earlier layout
	Bytes    int64  `json:"bytes,omitempty"`     // in all that are to be rewritten
	Dangling int    `json:"dangling,omitempty"`  // delete files that delete nothing
	Outdated string `json:"outdated,omitempty"`  // how the table is partitioned, where that isn't today's layout
	Taken    int    `json:"rewritten,omitempty"` // files that were rewritten, some twice
	Written  int    `json:"written,omitempty"`   // to as many
	Rows     int64  `json:"rows,omitempty"`      // that were written anew
	Commits  int    `json:"commits,omitempty"`
	Lost     int    `json:"lost,omitempty"`     // commits that came too late, and groups that others changed
	Left     int    `json:"unsorted,omitempty"` // files that stay, since their rows are in no order and too many to be sorted
}

// Empty says whether nothing is to be rewritten.
func (c Compaction) Empty() bool { return c.Small+c.Deleted+c.Old+c.Dangling == 0 }

// CompactOptions say how tables are compacted.
type CompactOptions struct {
	TargetBytes int64 // of a file, about; 0: as the table says
	StepBytes   int64 // that one commit rewrites, about; 0: four files' worth
	Look        bool  // nothing is changed, only found out
	// Between, if any, is called before each try to commit what was written.
	Between func(table string, attempt int)
}

// Compact rewrites the files of both tables that are small, of an earlier layout, or
// have deleted rows, to few large ones in the order of tiles, and takes out the
// deletes. It changes no row and no lease, and writers may be at work: what others
// commit stays, and what they changed in the meantime is looked at anew. It can be
// cut off and run again: each commit is whole. Old files go when they are no
// snapshot's any more, by [Expire].
func Compact(ctx context.Context, c *tables.Catalog, o CompactOptions) (list []Compaction, err error) {
	ctx = c.With(ctx)
	if o.TargetBytes < 0 {
		return nil, fault.Input(tables.CodeSettings, "files can't be of %d bytes", o.TargetBytes).Fix("a number above 0, as 268435456")
	}
	for _, l := range []tables.Layout{c.SourcesTable(), c.ShearTable()} {
		s := &compaction{catalog: c, layout: l, o: o}
		exists, err := s.run(ctx)
		if exists {
			list = append(list, s.done)
		}
		if err != nil {
			return list, fmt.Errorf("compact table %s: %w", l.Name(), err)
		}
	}
	if len(list) == 0 {
		return nil, fault.Input(tables.CodeTable, "the catalogue has no table %s", c.ShearTable().Name()).On(c.URI()).
			Fix("output.catalog_namespace and catalog_table name it; assembling makes it")
	}
	return list, nil
}

// compaction is that of one table.
type compaction struct {
	catalog *tables.Catalog
	layout  tables.Layout
	o       CompactOptions
	engine  *files.Compactor
	done    Compaction
	rounds  int
	ra, dec string // columns
	last    error  // of a step that others made fail
}

func (s *compaction) run(ctx context.Context) (exists bool, err error) {
	for fruitless := 0; ; {
		var t *table.Table
		var p *files.Plan
		err := settled(ctx, s.catalog, s.layout, func(now *table.Table) (err error) {
			exists, t = true, now
			if err = s.layout.Check(t, required(s.layout)...); err == nil {
				p, err = s.plan(ctx, t)
			}
			return err
		})
		if err != nil || !exists {
			return exists, err
		}
		if s.o.Look {
			return true, nil
		}
		if p.Empty() {
			return true, s.manifests(ctx)
		}
		taken, err := s.step(ctx, t, p)
		if err != nil {
			return true, err
		}
		if taken {
			fruitless = 0
		} else if fruitless++; fruitless == tables.Attempts {
			return true, fault.Passing(tables.CodeConflict, "other committers changed the same files %d times: %w", fruitless, cmp.Or(s.last, table.ErrCommitFailed)).On(s.layout.Name()).
				Fix("run it again; what was compacted stays so")
		}
	}
}

// plan looks what is left to do; the first time, what there is to do at all.
func (s *compaction) plan(ctx context.Context, t *table.Table) (*files.Plan, error) {
	if s.engine == nil {
		o := files.Compaction{Options: commits.Options(s.layout, t), StepBytes: s.o.StepBytes}
		o.TargetBytes, o.Fill = s.o.TargetBytes, s.fill
		s.engine = files.NewCompactor(o)
	}
	ra, _ := s.layout.Field(t, "RA")
	dec, _ := s.layout.Field(t, "DEC")
	s.ra, s.dec = ra.Name, dec.Name
	p, err := s.engine.Plan(ctx, t)
	if err != nil {
		return nil, err
	}
	if s.done.Left = s.engine.Left(); s.rounds == 0 {
		s.done = Compaction{Table: s.layout.Name(), Files: p.Files, Small: p.Small, Deleted: p.Deletes, Old: p.Old, Bytes: p.Bytes, Dangling: p.Dangling, Outdated: lacks(s.layout, t, 0).From}
	}
	s.rounds++
	return p, nil
}

// step rewrites some files and commits them, on whatever state the table has then.
func (s *compaction) step(ctx context.Context, t *table.Table, p *files.Plan) (taken bool, err error) {
	var r *files.Rewritten
	if r, err = s.engine.Rewrite(ctx, t, p); err != nil {
		now, exists, lerr := s.catalog.Load(ctx, s.layout, nil)
		if lerr == nil && exists && now.MetadataLocation() != t.MetadataLocation() && ctx.Err() == nil && fault.CodeOf(err) == "" {
			s.done.Lost++ // upkeep may have removed what was read
			s.last = err
			return false, nil
		}
		return false, err
	}
	for attempt := range commitAttempts {
		if err := tables.Pause(ctx, attempt); err != nil {
			return false, err
		}
		if s.o.Between != nil {
			s.o.Between(s.layout.Name(), attempt)
		}
		now, exists, lerr := s.catalog.Load(ctx, s.layout, nil)
		if lerr != nil || !exists {
			return false, lerr
		}
		var after *table.Table
		var n files.Exchanged
		if after, n, err = s.engine.Commit(ctx, now, r, iceberg.Properties{PropCompacted: s.layout.Name()}); err == nil {
			s.count(r, n)
			if taken = tables.SnapshotID(after) != tables.SnapshotID(now); taken {
				s.done.Commits++
			}
			// Files that were found in no order are sorted by the next plan.
			return taken || r.Empty() && p.Take > 0, nil
		}
		latest, exists, lerr := s.catalog.Load(ctx, s.layout, nil)
		if lerr != nil || !exists || !tables.Lost(err) && latest.MetadataLocation() == now.MetadataLocation() {
			return false, err
		}
		s.done.Lost++
	}
	return false, fault.Passing(tables.CodeConflict, "other committers won %d times: %w", commitAttempts, err).On(s.layout.Name()).Fix("run it again; what was compacted stays so")
}

func (s *compaction) count(r *files.Rewritten, n files.Exchanged) {
	if n.Taken < r.Taken {
		s.done.Lost++
	}
	s.done.Taken += n.Taken
	s.done.Written += n.Written
	s.done.Rows += n.Rows
}

// PropCompacted marks a snapshot of compaction, which changes no row.
const PropCompacted = "constellation.compacted"

// commitAttempts bounds how often what was written is put forward: each time that it
// loses, another committer has won, and writing it again costs more.
const commitAttempts = 100

// manifests are merged when the files are as they should be.
func (s *compaction) manifests(ctx context.Context) error {
	for attempt := range tables.Attempts {
		if err := tables.Pause(ctx, attempt); err != nil {
			return err
		}
		t, exists, err := s.catalog.Load(ctx, s.layout, nil)
		if err != nil || !exists {
			return err
		}
		if err = mergeManifests(ctx, t, fewManifests); err == nil || !tables.Lost(err) {
			return err
		}
	}
	return nil // left for the next time
}

// fewManifests is from how many on compaction merges them.
const fewManifests = 8

// fill gives rows of before the column was there the pixel of their position.
func (s *compaction) fill(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	at := func(column string) int {
		if list := rec.Schema().FieldIndices(column); len(list) == 1 {
			return list[0]
		}
		return -1
	}
	pixel, ra, dec := at(rows.Healpix), at(s.ra), at(s.dec)
	rec.Retain()
	if pixel < 0 || ra < 0 || dec < 0 || rec.Column(pixel).NullN() < rec.Column(pixel).Len() {
		return rec, nil
	}
	x, isRA := rec.Column(ra).(*array.Float64)
	y, isDec := rec.Column(dec).(*array.Float64)
	if !isRA || !isDec || x.NullN()+y.NullN() > 0 {
		return rec, nil
	}
	defer rec.Release()
	values := rows.Pixels(x.Float64Values(), y.Float64Values())
	defer values.Release()
	cols := slices.Clone(rec.Columns())
	cols[pixel] = values
	return array.NewRecordBatch(rec.Schema(), cols, rec.NumRows()), nil
}
