package files

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Rewritten are files that were written and that no snapshot names yet, and those
// that they stand for.
type Rewritten struct {
	Exchanged

	groups   []rewrittenGroup
	snapshot int64 // of the plan
	version  int
}

// Exchanged counts data files, and the rows in them.
type Exchanged struct {
	Taken, Written int
	Rows           int64
}

type rewrittenGroup struct {
	old  []span
	new  []iceberg.DataFile
	rows int64
}

func (e *Exchanged) add(g rewrittenGroup) {
	e.Taken, e.Written, e.Rows = e.Taken+len(g.old), e.Written+len(g.new), e.Rows+g.rows
}

// Empty says whether there is nothing to commit.
func (r *Rewritten) Empty() bool { return len(r.groups) == 0 }

// Rewrite writes the first groups of a plan anew, on the state that it was made of.
// As many rows must be read of each file as its count and its deletes leave, and as
// many be written. A file whose rows turn out to be in no order is left for the next
// plan. What was written and isn't committed is for upkeep to remove.
func (c *Compactor) Rewrite(ctx context.Context, t *table.Table, p *Plan) (*Rewritten, error) {
	r := &Rewritten{snapshot: p.snapshot, version: t.Metadata().Version()}
	size := int64(0)
	for _, g := range p.groups {
		if size > 0 && size+g.bytes() > p.stepBytes || r.Taken+len(g.tasks) > groupSize && r.Taken > 0 {
			break
		}
		size += g.bytes()
		list, rows, err := c.rewrite(ctx, t, g, p.target)
		if errors.Is(err, errUnsorted) {
			continue
		}
		if err != nil {
			return nil, err
		}
		done := rewrittenGroup{g.tasks, list, rows}
		r.add(done)
		r.groups = append(r.groups, done)
	}
	return r, nil
}

func (g *group) bytes() (n int64) {
	for _, s := range g.tasks {
		n += s.Length
	}
	return n
}

// distrust has a file sorted the next time, or left as it is.
func (c *Compactor) distrust(f iceberg.DataFile) {
	c.unsorted[f.FilePath()] = true
	if f.Count() > sortRows {
		c.left[f.FilePath()] = true
	}
}

func (c *Compactor) rewrite(ctx context.Context, t *table.Table, g group, target int64) (list []iceberg.DataFile, rows int64, err error) {
	there, err := alive(ctx, t, g.tasks)
	if err != nil {
		return nil, 0, err
	}
	for _, n := range there {
		rows += n
	}
	o := c.o.Options
	o.TargetBytes, o.lineage = target, t.Metadata().Version() >= 3
	m, err := c.merge(t, g, there, o.lineage)
	if err != nil {
		return nil, 0, err
	}
	if list, err = Write(ctx, t, m.records(ctx), o); err != nil {
		return nil, 0, fmt.Errorf("rewrite files of the table at %s: %w", t.Location(), err)
	}
	written := int64(0)
	for _, f := range list {
		written += f.Count()
	}
	if written != rows {
		fs, err := t.FS(ctx)
		if wfs, ok := fs.(iceio.WriteFileIO); err == nil && ok {
			discard(wfs, list)
		}
		return nil, 0, lostRows(t, g.part, "%d rows are there, and %d were written anew", rows, written)
	}
	return list, rows, nil
}

// alive counts the rows of each file that are there, by its count and what is deleted.
func alive(ctx context.Context, t *table.Table, list []span) (map[string]int64, error) {
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	tasks := make([]table.FileScanTask, len(list))
	for i, s := range list {
		tasks[i] = s.FileScanTask
	}
	gone, err := readDeletes(ctx, fs, tasks)
	if err != nil {
		return nil, fmt.Errorf("read deletes of the table at %s: %w", t.Location(), err)
	}
	there := map[string]int64{}
	for _, task := range tasks {
		path := task.File.FilePath()
		there[path] = task.File.Count()
		deleted := gone[path]
		for _, v := range task.DeletionVectorFiles {
			if deleted, err = dv.ReadDV(fs, v); err != nil {
				return nil, fmt.Errorf("deletion vector %s: %w", v.FilePath(), err)
			}
		}
		if deleted == nil {
			continue
		}
		for pos := range deleted.Positions() {
			if pos < uint64(task.File.Count()) {
				there[path]--
			}
		}
	}
	return there, nil
}

// Commit puts files that were written into the place of the others, in the newest
// state of the table: of those groups whose files and deletes are there as they were
// read, of which it tells. The others' are for the next plan: somebody deleted rows
// of them, or rewrote them. Nothing is committed where that leaves nothing to do.
//
// It is the very snapshot that t has that is replaced, or the commit is lost. It may
// be repeated on a later state, whatever came of the try before.
func (c *Compactor) Commit(ctx context.Context, t *table.Table, r *Rewritten, props iceberg.Properties) (done *table.Table, n Exchanged, err error) {
	if t.CurrentSnapshot() == nil {
		return t, n, nil
	}
	tasks, err := plan(ctx, t)
	if err != nil {
		return nil, n, err
	}
	now := map[string]table.FileScanTask{}
	for _, task := range tasks {
		now[task.File.FilePath()] = task
	}
	var res table.CompactionGroupResult
	old := map[string]bool{}
	for _, g := range r.groups {
		if r.version != t.Metadata().Version() || !g.asRead(now) {
			continue
		}
		for _, s := range g.old {
			old[s.File.FilePath()] = true
			res.OldDataFiles = append(res.OldDataFiles, s.File)
		}
		n.add(g)
		res.NewDataFiles = append(res.NewDataFiles, g.new...)
	}
	idle, err := dangling(ctx, t, tasks)
	if err != nil {
		return nil, n, err
	}
	unneeded(&res, tasks, old, idle)
	if len(res.OldDataFiles)+len(res.SafePosDeletes)+len(res.SafeDeletionVectors) == 0 {
		return t, n, nil
	}
	tx := t.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return nil, n, err
	}
	if err := tx.NewRewrite(props).ApplyResult(res).Commit(ctx); err != nil {
		return nil, n, err
	}
	done, err = tx.Commit(ctx)
	return done, n, err
}

// asRead says whether all files of a group are there, with the deletes that were read.
func (g rewrittenGroup) asRead(now map[string]table.FileScanTask) bool {
	for _, s := range g.old {
		task, ok := now[s.File.FilePath()]
		if !ok || !slices.Equal(deletesOf(task), deletesOf(s.FileScanTask)) {
			return false
		}
	}
	return true
}

// deletesOf tells what is deleted of a file: deletion vectors share a file, which has
// theirs at an offset.
func deletesOf(task table.FileScanTask) (names []string) {
	for _, d := range slices.Concat(task.DeleteFiles, task.DeletionVectorFiles) {
		names = append(names, deleteName(d))
	}
	slices.Sort(names)
	return names
}

func deleteName(d iceberg.DataFile) string {
	if !table.IsDeletionVector(d) {
		return d.FilePath()
	}
	at := int64(-1)
	if o := d.ContentOffset(); o != nil {
		at = *o
	}
	return fmt.Sprintf("%s@%d", d.FilePath(), at)
}

// unneeded adds the delete files that no data file needs but those that go.
func unneeded(res *table.CompactionGroupResult, tasks []table.FileScanTask, old map[string]bool, idle []iceberg.DataFile) {
	needed := map[string]bool{}
	candidates := map[string]iceberg.DataFile{}
	for _, task := range tasks {
		for _, d := range slices.Concat(task.DeleteFiles, task.DeletionVectorFiles) {
			if old[task.File.FilePath()] {
				candidates[deleteName(d)] = d
			} else {
				needed[deleteName(d)] = true
			}
		}
	}
	for _, d := range idle {
		candidates[deleteName(d)] = d
	}
	for name, d := range candidates {
		switch {
		case needed[name]:
		case table.IsDeletionVector(d):
			res.SafeDeletionVectors = append(res.SafeDeletionVectors, d)
		default:
			res.SafePosDeletes = append(res.SafePosDeletes, d)
		}
	}
}

// dangling are delete files of the newest snapshot that no data file is read with:
// what they deleted of is gone.
func dangling(ctx context.Context, t *table.Table, tasks []table.FileScanTask) (list []iceberg.DataFile, err error) {
	used := map[string]bool{}
	for _, task := range tasks {
		for _, d := range slices.Concat(task.DeleteFiles, task.DeletionVectorFiles) {
			used[deleteName(d)] = true
		}
	}
	manifests, err := tables.ManifestsOf(ctx, t)
	if err != nil {
		return nil, err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range manifests {
		if m.ManifestContent() != iceberg.ManifestContentDeletes {
			continue
		}
		for entry, err := range m.Entries(fs, true) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.FilePath(), err)
			}
			d := entry.DataFile()
			if d.ContentType() == iceberg.EntryContentPosDeletes && !used[deleteName(d)] {
				list = append(list, d)
			}
		}
	}
	return list, nil
}
