package glue

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	icecat "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/klauspost/compress/zstd"
)

// CommitTable changes a table whose requirements hold. [table.ErrCommitFailed] says
// that nothing was done, because the table is another by now; any other error,
// that what was done isn't known.
func (c *Catalog) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	entry, base, err := c.current(ctx, ident)
	if err != nil {
		return nil, "", err
	}
	for _, r := range reqs {
		if err := r.Validate(base.Metadata()); err != nil {
			return nil, "", fmt.Errorf("%w: %w", table.ErrCommitFailed, err)
		}
	}
	if len(updates) == 0 {
		return base.Metadata(), base.MetadataLocation(), nil
	}
	meta, err := table.UpdateTableMetadata(base.Metadata(), updates, base.MetadataLocation())
	if err != nil {
		return nil, "", err
	}
	if !c.below(meta.Location()) {
		return nil, "", c.elsewhere(ident, meta.Location())
	}
	t, err := c.write(ctx, ident, meta, version(base.MetadataLocation())+1)
	if err != nil {
		return nil, "", err
	}
	if err := c.update(ctx, entry, base, t); err != nil {
		return nil, "", err
	}
	c.keep(t)
	return meta, t.MetadataLocation(), nil
}

// update points Glue's table at new metadata, if it is still at the version that they were made of.
func (c *Catalog) update(ctx context.Context, entry *types.Table, base, next *table.Table) error {
	ident := next.Identifier()
	asked, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	yes := true // every version with all its columns would count against the account's quota
	_, err := c.updateTable(asked, &glue.UpdateTableInput{CatalogId: c.account, DatabaseName: &ident[0], VersionId: entry.VersionId, SkipArchive: &yes,
		TableInput: input(next, &previous{entry, base})})
	if err == nil {
		return nil
	}
	// A first try may have been heard whose answer was lost, and made the next one stale.
	in, unsure := c.holds(ctx, next)
	switch {
	case in:
		return nil
	case absent(err):
		return fmt.Errorf("%w: %s in %s", icecat.ErrNoSuchTable, name(ident), c)
	case stale(err) && unsure == nil:
		return fmt.Errorf("%w: table %s in %s has another version by now: %w", table.ErrCommitFailed, name(ident), c, err)
	}
	return errors.Join(c.refused(ctx, err, "glue:UpdateTable", "table "+name(ident)), unsure)
}

// holds says whether a table came to be what was to be committed, or did before it
// became another.
func (c *Catalog) holds(ctx context.Context, wanted *table.Table) (bool, error) {
	_, now, err := c.current(ctx, wanted.Identifier())
	if err != nil {
		return false, fmt.Errorf("see whether the commit was made: %w", err)
	}
	at := wanted.MetadataLocation()
	return now.MetadataLocation() == at || slices.ContainsFunc(slices.Collect(now.Metadata().PreviousFiles()), func(e table.MetadataLogEntry) bool { return e.MetadataFile == at }), nil
}

// previous is what a table was before a commit.
type previous struct {
	entry *types.Table
	table *table.Table
}

// input is what Glue is to hold of a table. What others noted there stays.
func input(t *table.Table, was *previous) *types.TableInput {
	ident, location, kind := t.Identifier(), t.Location(), external
	in := same(&types.Table{Name: &ident[1]})
	if was != nil {
		in = same(was.entry)
		for key := range was.table.Properties() { // copies of an Iceberg table's properties, which go out of date
			delete(in.Parameters, key)
		}
		in.Parameters[paramPrevious] = was.table.MetadataLocation()
	}
	in.TableType, in.Parameters[paramType], in.Parameters[paramMetadata] = &kind, typeIceberg, t.MetadataLocation()
	in.StorageDescriptor.Columns = columns(t.Metadata(), in.StorageDescriptor.Columns)
	in.StorageDescriptor.Location = &location
	return in
}

// version is a metadata file's number, which is in its name.
func version(location string) int {
	file := strings.TrimPrefix(path.Base(location), "v") // as of a file system's own tables
	n, err := strconv.Atoi(file[:len(file)-len(strings.TrimLeft(file, "0123456789"))])
	if err != nil {
		return 0
	}
	return n
}

// write writes a table's metadata to a file of its own.
func (c *Catalog) write(ctx context.Context, ident table.Identifier, meta table.Metadata, version int) (*table.Table, error) {
	places, err := table.LoadLocationProvider(meta.Location(), meta.Properties())
	if err != nil {
		return nil, err
	}
	location, err := places.NewTableMetadataFileLocation(version)
	if err != nil {
		return nil, err
	}
	t := table.New(ident, meta, location, iceio.LoadFSFunc(c.props, location), c)
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	to, ok := fs.(iceio.WriteFileIO)
	if !ok {
		return nil, fmt.Errorf("%s can't be written to", meta.Location())
	}
	f, err := to.Create(location)
	if err != nil {
		return nil, fmt.Errorf("write the metadata of table %s: %w", name(ident), err)
	}
	err = encode(f, meta, meta.Properties().Get(table.MetadataCompressionKey, table.MetadataCompressionDefault))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("write the metadata of table %s, %s: %w", name(ident), location, err)
	}
	return t, nil
}

// encode writes metadata as the table's properties want it, and its name says.
func encode(w io.Writer, meta table.Metadata, codec string) error {
	switch codec {
	case table.MetadataCompressionCodecGzip:
		packed := gzip.NewWriter(w)
		return errors.Join(json.NewEncoder(packed).Encode(meta), packed.Close())
	case table.MetadataCompressionCodecZstd:
		packed, err := zstd.NewWriter(w)
		if err != nil {
			return err
		}
		return errors.Join(json.NewEncoder(packed).Encode(meta), packed.Close())
	}
	return json.NewEncoder(w).Encode(meta)
}
