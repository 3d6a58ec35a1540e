package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// An edit is a change of a table's metadata that is made up in steps and sent as
// one commit. Each step is taken on what the table is after those before it.
type edit struct {
	*repairing
	meta    table.Metadata // after the steps
	updates []table.Update
	head    int64   // the newest snapshot, after the steps
	aside   []int64 // snapshots that were steps, and no state of the table
}

func (r *repairing) edit() (*edit, error) {
	return &edit{repairing: r, meta: r.table.Metadata(), head: r.Snapshot}, nil
}

// apply takes updates as a step; what is staged alone isn't sent.
func (e *edit) apply(staged iceberg.Properties, updates ...table.Update) error {
	b, err := table.MetadataBuilderFromBase(e.meta, e.table.MetadataLocation())
	if err != nil {
		return err
	}
	if len(staged) > 0 {
		if err := b.SetProperties(staged); err != nil {
			return err
		}
	}
	for _, u := range updates {
		if err := u.Apply(b); err != nil {
			return err
		}
	}
	if e.meta, err = b.Build(); err != nil {
		return err
	}
	e.updates = append(e.updates, updates...)
	return nil
}

// set makes a snapshot the newest one.
func (e *edit) set(id int64) error {
	var refAge, snapshotAge int64
	keep := 0
	for name, ref := range e.meta.Refs() {
		if name == table.MainBranch {
			refAge, snapshotAge, keep = value(ref.MaxRefAgeMs), value(ref.MaxSnapshotAgeMs), value(ref.MinSnapshotsToKeep)
		}
	}
	e.head = id
	return e.apply(nil, table.NewSetSnapshotRefUpdate(table.MainBranch, id, table.BranchRef, refAge, snapshotAge, keep))
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// commit sends the steps, if the table is still what they were made of. Snapshots
// that can't be read go with it, but those that a branch or tag names.
func (e *edit) commit(ctx context.Context, c *tables.Catalog) error {
	gone := slices.Clone(e.aside)
	named := map[int64]bool{e.head: true}
	for name, ref := range e.table.Metadata().Refs() {
		if name != table.MainBranch {
			named[ref.SnapshotID] = true
		}
	}
	for _, s := range e.table.Metadata().Snapshots() {
		if !e.whole[s.SnapshotID] && !named[s.SnapshotID] {
			gone = append(gone, s.SnapshotID)
		}
	}
	updates := slices.Clone(e.updates)
	if gone = slices.DeleteFunc(gone, func(id int64) bool { return id == e.head }); len(gone) > 0 {
		updates = append(updates, table.NewRemoveSnapshotsUpdate(gone, false))
	}
	for _, f := range e.Flaws {
		if f.Kind != Statistics {
			continue
		}
		for _, id := range f.Snapshots {
			if !slices.Contains(gone, id) {
				updates = append(updates, e.statistics(f.File, id)...)
			}
		}
	}
	if len(updates) == 0 {
		return nil
	}
	reqs := unmoved(e.table.Metadata())
	_, err := c.Update(ctx, e.layout, reqs, updates)
	return err
}

// statistics takes out what names a file of them.
func (e *edit) statistics(path string, id int64) (updates []table.Update) {
	for s := range e.table.Metadata().Statistics() {
		if s.StatisticsPath == path && s.SnapshotID == id {
			updates = append(updates, table.NewRemoveStatisticsUpdate(id))
		}
	}
	for s := range e.table.Metadata().PartitionStatistics() {
		if s.StatisticsPath == path && s.SnapshotID == id {
			updates = append(updates, table.NewRemovePartitionStatisticsUpdate(id))
		}
	}
	return updates
}

// propRepair says in a snapshot's summary that it is a repair's.
const propRepair = "constellation.repair"

// without deletes the rows of some tiles: files that have no others as a whole,
// of others by position, since writing them anew would bring back rows that
// somebody deleted (apache/iceberg-go#2042).
func (e *edit) without(ctx context.Context, c *tables.Catalog, tiles []Tiles) error {
	if len(tiles) == 0 || e.head == 0 {
		return nil
	}
	column, _ := e.layout.Schema.FindFieldByName("TILE_ID")
	field, there := e.meta.CurrentSchema().FindFieldByID(column.ID)
	if !there {
		return fmt.Errorf("it has no column %s", column.Name)
	}
	var which iceberg.BooleanExpression = iceberg.AlwaysFalse{}
	for _, t := range tiles {
		at := iceberg.Reference(field.Name)
		which = iceberg.NewOr(which, iceberg.NewAnd(iceberg.GreaterThanEqual(at, t.First), iceberg.LessThanEqual(at, t.Last)))
	}
	mode := iceberg.Properties{table.WriteDeleteModeKey: table.WriteModeMergeOnRead}
	if err := e.apply(mode); err != nil {
		return err
	}
	now := table.New(e.layout.Ident, e.meta, e.table.MetadataLocation(), c.FS(e.table.Location()), nil)
	tx := now.NewTransaction()
	if err := tx.Delete(ctx, which, iceberg.Properties{propRepair: string(Drop)}); err != nil {
		return err
	}
	made, err := tx.TableCommit()
	if err != nil {
		return err
	}
	before := e.head
	if err := e.apply(nil, made.Updates...); err != nil {
		return err
	}
	if e.head = e.meta.CurrentSnapshot().SnapshotID; e.head != before && e.table.SnapshotByID(before) == nil {
		e.aside = append(e.aside, before)
	}
	return nil
}

// salvage makes a snapshot of all files of the newest one that can be read. Files
// are taken out of manifests, which are written anew where they named one.
func (e *edit) salvage(ctx context.Context) error {
	bad := map[string]bool{}
	for _, f := range e.Flaws {
		bad[f.File] = bad[f.File] || f.Kind == DataFile || f.Kind == DeleteFile
	}
	fs, can := e.seen.fs.(iceio.WriteFileIO)
	if !can {
		return errors.New("files can't be written there")
	}
	w := &salvager{edit: e, fs: fs, id: rand.Int64N(1<<62) + 1, uuid: uuid.New(), bad: bad, totals: map[string]int64{}}
	err := e.seen.current(ctx, func(m *manifest, found map[string]iceberg.DataFile) error {
		if m.lost {
			return nil
		}
		return w.keep(m.ManifestFile, found)
	})
	if err != nil {
		return err
	}
	s, err := w.snapshot()
	if err != nil {
		return err
	}
	if err := e.apply(nil, table.NewAddSnapshotUpdate(s)); err != nil {
		return err
	}
	return e.set(s.SnapshotID)
}

// salvager writes the files of a snapshot.
type salvager struct {
	*edit
	fs     iceio.WriteFileIO
	id     int64
	uuid   uuid.UUID
	bad    map[string]bool
	list   []iceberg.ManifestFile
	totals map[string]int64
}

// keep takes a manifest over, less the files that can't be read.
func (w *salvager) keep(m iceberg.ManifestFile, found map[string]iceberg.DataFile) error {
	without := 0
	for path, f := range found {
		if w.bad[path] {
			without++
			continue
		}
		w.count(f)
	}
	switch without {
	case 0:
		w.list = append(w.list, m)
		return nil
	case len(found):
		return nil
	}
	spec := w.meta.PartitionSpecByID(int(m.PartitionSpecID()))
	if spec == nil {
		return fmt.Errorf("manifest %s is of a partition spec %d that the table doesn't have", m.FilePath(), m.PartitionSpecID())
	}
	var size counted
	path, err := w.place(fmt.Sprintf("%s-m%d.avro", w.uuid, len(w.list)))
	if err != nil {
		return err
	}
	err = w.write(path, &size, func() error {
		out, err := iceberg.NewManifestWriter(m.Version(), &size, *spec, w.meta.CurrentSchema(), w.id, iceberg.WithManifestWriterContent(m.ManifestContent()))
		if err != nil {
			return err
		}
		for entry, err := range m.Entries(w.fs, true) {
			if err != nil {
				return errors.Join(err, out.Close())
			}
			if w.bad[entry.DataFile().FilePath()] {
				continue
			}
			if err := out.Existing(entry); err != nil {
				return errors.Join(err, out.Close())
			}
		}
		if err := out.Close(); err != nil {
			return err
		}
		made, err := out.ToManifestFile(path, size.n, iceberg.WithManifestFileContent(m.ManifestContent()))
		w.list = append(w.list, made)
		return err
	})
	return err
}

func (w *salvager) place(name string) (string, error) {
	places, err := table.LoadLocationProvider(w.meta.Location(), w.meta.Properties())
	if err != nil {
		return "", err
	}
	return places.NewMetadataLocation(name), nil
}

// counted counts what is written through it.
type counted struct {
	io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}

func (w *salvager) write(path string, to *counted, do func() error) error {
	out, err := w.fs.Create(path)
	if err != nil {
		return err
	}
	to.Writer = out
	err = do()
	return errors.Join(err, out.Close())
}

// count adds a file to the totals of the snapshot's summary.
func (w *salvager) count(f iceberg.DataFile) {
	w.totals["total-files-size"] += f.FileSizeBytes()
	switch f.ContentType() {
	case iceberg.EntryContentData:
		w.totals["total-data-files"]++
		w.totals["total-records"] += f.Count()
	case iceberg.EntryContentPosDeletes:
		w.totals["total-delete-files"]++
		w.totals["total-position-deletes"] += f.Count()
	default:
		w.totals["total-delete-files"]++
		w.totals["total-equality-deletes"] += f.Count()
	}
}

// snapshot writes the list of manifests.
func (w *salvager) snapshot() (*table.Snapshot, error) {
	parent, sequence := w.head, w.meta.LastSequenceNumber()+1
	path, err := w.place(fmt.Sprintf("snap-%d-0-%s.avro", w.id, w.uuid))
	if err != nil {
		return nil, err
	}
	s := &table.Snapshot{
		SnapshotID: w.id, ParentSnapshotID: &parent, SequenceNumber: sequence, TimestampMs: time.Now().UnixMilli(), ManifestList: path,
		Summary: &table.Summary{Operation: table.OpDelete, Properties: iceberg.Properties{propRepair: string(Drop)}},
	}
	for _, name := range []string{"total-files-size", "total-data-files", "total-records", "total-delete-files", "total-position-deletes", "total-equality-deletes"} {
		s.Summary.Properties[name] = strconv.FormatInt(w.totals[name], 10)
	}
	schema := w.meta.CurrentSchema().ID
	s.SchemaID = &schema
	first := int64(0)
	if w.meta.Version() >= 3 {
		first = w.meta.NextRowID()
		var none int64
		s.FirstRowID, s.AddedRows = &first, &none
	}
	var size counted
	return s, w.write(path, &size, func() error {
		return iceberg.WriteManifestList(w.meta.Version(), &size, w.id, &parent, &sequence, first, w.list)
	})
}
