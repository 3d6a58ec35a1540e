package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Deep is what a table's files hold.
//
// A deep look reads every data file, and holds it to what its manifest says:
// records, values and nulls of each column, and bounds, which readers leave files
// out by. Of the newest snapshot it looks whether each row is there once, whether
// each sub-tile that has sources has a shear row, and whether _healpix_29 is the
// pixel of the row's position.
//
// The digests that commits leave (constellation.digest) are of what a commit was
// made from, and say whether the same is committed again. They aren't looked at:
// rows that were replaced, kept or deleted since leave nothing to compute them of.
type Deep struct {
	Files     int   `json:"files"`      // that were read: of all snapshots
	Rows      int64 `json:"rows"`       // of the newest snapshot, without deleted ones
	Pixels    int64 `json:"pixels"`     // rows whose _healpix_29 is that of their position
	EdgePixel int64 `json:"edge_pixel"` // of these, rows on an edge, that have the neighbour
	NoPixel   int64 `json:"no_pixel"`   // rows that have none, since they are older than the column
	Skipped   int   `json:"skipped"`    // files of formats that aren't read: deletion vectors
}

const (
	readsAtOnce = 2
	batchRows   = 16 << 10
)

// read reads the data files.
func (l *looking) read(ctx context.Context) error {
	l.Contents = &Deep{}
	var mu sync.Mutex
	wrong, done := map[string]string{}, map[string]bool{}
	current := int32(len(l.snapshots)) // the place of the newest snapshot
	for i, s := range l.snapshots {
		if s.SnapshotID == l.Snapshot {
			current = int32(i)
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, path := range slices.Sorted(maps.Keys(l.manifests)) {
		m := l.manifests[path]
		if m.lost {
			continue
		}
		found, err := entries(ctx, l.fs, m.ManifestFile, iceberg.ManifestEntryProjection{IncludePruningStats: true})
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		for path, f := range found {
			if slices.Contains(m.by, current) && f.ContentType() == iceberg.EntryContentData {
				l.spans = append(l.spans, span{tilesOf(l.table, l.layout, f), f.Count()})
			}
			if done[path] || l.files[path].what != "" {
				continue
			}
			done[path] = true
			if f.FileFormat() != iceberg.ParquetFile {
				l.Contents.Skipped++
				continue
			}
			l.Contents.Files++
			g.Go(func() error {
				what, err := l.contents(gctx, f)
				if what != "" {
					mu.Lock()
					defer mu.Unlock()
					wrong[path] = what
				}
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return l.name(ctx, func(path string) (string, bool) {
		what, is := wrong[path]
		return what, is
	}, true)
}

// contents holds a file to what its manifest says of it, and says what is wrong.
func (l *looking) contents(ctx context.Context, f iceberg.DataFile) (what string, err error) {
	opened, err := l.fs.Open(f.FilePath())
	if err != nil {
		return l.told(ctx, f.FilePath(), err)
	}
	defer func() { _ = opened.Close() }() // what was read is judged by the reads
	rows, columns, err := sum(ctx, opened, l.fieldIDs(f))
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if network := onTheWay(err); network && !errors.Is(err, fs.ErrInvalid) {
			return "", err
		}
		return "it can't be read: " + reason(err), nil
	}
	if rows != f.Count() {
		return fmt.Sprintf("it has %d rows, its manifest says %d", rows, f.Count()), nil
	}
	for _, id := range slices.Sorted(maps.Keys(columns)) {
		if what := columns[id].against(f, id); what != "" {
			return fmt.Sprintf("column %q: %s", columns[id].name, what), nil
		}
	}
	return "", nil
}

// fieldIDs are those of columns by their names, for files that have none.
func (l *looking) fieldIDs(f iceberg.DataFile) map[string]int {
	ids := map[string]int{}
	if f.ContentType() != iceberg.EntryContentData {
		return map[string]int{"file_path": deletedPath, "pos": deletedPath - 1}
	}
	for _, field := range l.table.NameMapping() {
		for _, name := range field.Names {
			if id := field.ID(); id > 0 {
				ids[name] = id
			}
		}
	}
	return ids
}

// sum reads a Parquet file and sums each column that has a field id. A library's
// panic over damaged pages is an error.
func sum(ctx context.Context, f iceio.File, byName map[string]int) (rows int64, columns map[int]*figures, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Data(CodeBroken, "reading it fails: %v", p)
		}
	}()
	r, err := file.NewParquetReader(f)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = r.Close() }() // closes the file, too
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: batchRows}, memory.DefaultAllocator)
	if err != nil {
		return 0, nil, err
	}
	records, err := reader.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return 0, nil, err
	}
	defer records.Release()
	columns = map[int]*figures{}
	place := make([]*figures, len(records.Schema().Fields()))
	for i, field := range records.Schema().Fields() {
		id, ok := fieldID(field)
		if !ok {
			id, ok = byName[field.Name]
		}
		if ok {
			columns[id] = &figures{name: field.Name}
			place[i] = columns[id]
		}
	}
	for records.Next() {
		rec := records.RecordBatch()
		rows += rec.NumRows()
		for i, at := range place {
			if at != nil {
				at.add(rec.Column(i))
			}
		}
	}
	if err := records.Err(); err != nil {
		return 0, nil, err
	}
	if said := r.NumRows(); said != rows {
		return 0, nil, fmt.Errorf("its footer says %d rows, there are %d", said, rows)
	}
	return rows, columns, ctx.Err()
}
