package catalog

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/catalog/reading"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Pause has the catalogue call before each time that it is asked to change a
// table, with the table's name: what a committer does if its machine stalls there.
func (c *Catalog) Pause(before func(table string)) { c.Ice = paused{c.Ice, before} }

// Spare has validation read so many rows beyond four times those that are due.
func Spare(t *testing.T, n int64) {
	before := reading.SpareRows
	reading.SpareRows = n
	t.Cleanup(func() { reading.SpareRows = before })
}

// Hurry has commits look after their files that are under way for longer than this.
func Hurry(t *testing.T, d time.Duration) {
	before := tables.LongCommit
	tables.LongCommit = d
	t.Cleanup(func() { tables.LongCommit = before })
}

// Loading has the catalogue call before each time that a table is loaded.
func (c *Catalog) Loading(before func()) { c.Ice = loading{c.Ice, before} }

type loading struct {
	icecat.Catalog
	before func()
}

func (l loading) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	l.before()
	return l.Catalog.LoadTable(ctx, ident)
}

type paused struct {
	icecat.Catalog
	before func(string)
}

func (p paused) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	p.before(ident[len(ident)-1])
	return p.Catalog.CommitTable(ctx, ident, reqs, updates)
}

// Commits lists the snapshots of the shear table that wrote rows of each tile.
func (c *Catalog) Commits(ctx context.Context) (map[string][]int64, error) {
	t, _, err := c.Load(ctx, c.ShearTable(), nil)
	if err != nil {
		return nil, err
	}
	of := map[string][]int64{}
	for _, s := range t.Metadata().Snapshots() {
		if list := s.Summary.Properties[commits.PropTiles]; list != "" {
			for tile := range strings.SplitSeq(list, ",") {
				of[tile] = append(of[tile], s.SnapshotID)
			}
		}
	}
	return of, nil
}

// Grow gives the shear table n more tiles, per to a snapshot: data files that
// the manifests list like those of tile, a real one, and that aren't there.
func (c *Catalog) Grow(ctx context.Context, tile int64, n, per int) error {
	t, _, err := c.Load(ctx, c.ShearTable(), nil)
	if err != nil {
		return err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return err
	}
	list, err := t.CurrentSnapshot().Manifests(fs)
	if err != nil {
		return err
	}
	var like iceberg.DataFile
	for entry, err := range list[0].Entries(fs, true) {
		if err != nil {
			return err
		}
		like = entry.DataFile()
	}
	spec := t.Spec()
	field := spec.Field(0)
	const perCommit = 25
	for made := 0; made < n; {
		tx := t.NewTransaction()
		for range perCommit {
			var files []iceberg.DataFile
			for ; made < n && len(files) < per; made++ {
				tile++
				id := binary.LittleEndian.AppendUint64(nil, uint64(tile))
				low, high := maps.Clone(like.LowerBoundValues()), maps.Clone(like.UpperBoundValues())
				low[field.SourceIDs[0]], high[field.SourceIDs[0]] = id, id
				path := fmt.Sprintf("%s/data/TILE_ID=%d/%d.parquet", t.Location(), tile, tile)
				b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, path, iceberg.ParquetFile, map[int]any{field.FieldID: tile}, nil, nil, like.Count(), like.FileSizeBytes())
				if err != nil {
					return err
				}
				files = append(files, b.ColumnSizes(like.ColumnSizes()).ValueCounts(like.ValueCounts()).NullValueCounts(like.NullValueCounts()).
					NaNValueCounts(like.NaNValueCounts()).LowerBoundValues(low).UpperBoundValues(high).SplitOffsets(like.SplitOffsets()).Build())
			}
			if err := tx.AddDataFiles(ctx, files, iceberg.Properties{commits.PropTiles: "0", commits.PropConfig: "none"}, table.WithoutDuplicateCheck()); err != nil {
				return err
			}
		}
		if t, err = tx.Commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Manifests counts those of the shear table.
func (c *Catalog) Manifests(t testing.TB) int {
	t.Helper()
	tab, _, err := c.Load(t.Context(), c.ShearTable(), nil)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := tab.FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := tab.CurrentSnapshot().Manifests(fs)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Raw is the library's own catalogue, for what other software does to its tables.
func Raw(c *Catalog) icecat.Catalog { return c.Ice }

// GrowSize is the size of the files by which [Catalog.Grow] grows the table.
func (c *Catalog) GrowSize(ctx context.Context) (int64, error) {
	t, _, err := c.Load(ctx, c.ShearTable(), nil)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(t.CurrentSnapshot().Summary.Properties["total-files-size"], 10, 64) // of the one file that there is
}
