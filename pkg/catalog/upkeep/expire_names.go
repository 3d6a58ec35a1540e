package upkeep

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// references gives the names of all files that the table's metadata leads to, and
// whether they stay: not what is led to through snapshots alone that go. Of what
// stays, a file that can't be read is an error, since what it would lead to is not
// known; of what goes, what it leads to counts as named by nothing.
func references(ctx context.Context, t *table.Table, gone map[int64]bool) (map[string]bool, error) {
	m := t.Metadata()
	used := map[string]bool{}
	use := func(path string, stays bool) { used[objstore.Base(path)] = used[objstore.Base(path)] || stays }
	use(t.MetadataLocation(), true)
	for e := range m.PreviousFiles() {
		use(e.MetadataFile, true)
	}
	for f := range m.Statistics() {
		use(f.StatisticsPath, !gone[f.SnapshotID])
	}
	for f := range m.PartitionStatistics() {
		use(f.StatisticsPath, !gone[f.SnapshotID])
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(tables.ManifestReads)
	type manifest struct {
		iceberg.ManifestFile
		stays bool
	}
	unique := map[string]manifest{}
	for _, s := range m.Snapshots() {
		stays := !gone[s.SnapshotID]
		use(s.ManifestList, stays)
		g.Go(func() error {
			if err := gctx.Err(); err != nil {
				return err
			}
			list, err := s.Manifests(fs)
			if err != nil && stays {
				return fmt.Errorf("read the manifests of snapshot %d: %w", s.SnapshotID, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, f := range list {
				unique[f.FilePath()] = manifest{f, stays || unique[f.FilePath()].stays}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for path, f := range unique {
		use(path, f.stays)
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(tables.ManifestReads)
	for _, f := range unique {
		g.Go(func() error {
			names, err := tables.FilesOf(gctx, fs, f.ManifestFile)
			if err != nil && !f.stays {
				err = gctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names {
				use(name, f.stays)
			}
			return err
		})
	}
	return used, g.Wait()
}

// documentHead is how much of a table's metadata is read to see whose it is.
const documentHead = 4096

var uuidIn = regexp.MustCompile(`"table-uuid"\s*:\s*"(` + uuidLike + `)"`)

// otherTables looks whose the metadata documents are that the table doesn't
// know. Most are its own, of commits that lost. Those of other tables are in
// others: of a creation that lost, where they name no file; else there is such a
// table, in another catalogue, and its files may lie among this one's: then
// shared is one of them, as it is where that can't be told.
func otherTables(ctx context.Context, store objstore.Store, t *table.Table, documents []objstore.Info) (others map[string]bool, shared string, err error) {
	others = map[string]bool{}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(tables.ManifestReads)
	for _, o := range documents {
		g.Go(func() error {
			own, empty, err := ownDocument(gctx, store, t, o)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !own {
				others[o.URI] = true
				if !empty {
					shared = max(shared, o.URI)
				}
			}
			return err
		})
	}
	return others, shared, g.Wait()
}

// ownDocument says whether a metadata document is the table's, and if not,
// whether it names no file.
func ownDocument(ctx context.Context, store objstore.Store, t *table.Table, o objstore.Info) (own, empty bool, err error) {
	head, err := readHead(ctx, store, o)
	switch id := uuidIn.FindSubmatch(head); {
	case objstore.IsNotFound(err): // gone by now: a commit removes the oldest
		return true, true, nil
	case err != nil:
		return false, false, err
	case len(head) == 0, id != nil && string(id[1]) == t.Metadata().TableUUID().String(): // of a writer that died, or of the table
		return true, false, nil
	}
	text, err := objstore.ReadFile(ctx, store, o.URI)
	if err != nil {
		return false, false, err
	}
	m, err := table.ParseMetadataBytes(text)
	return false, err == nil && len(m.Snapshots()) == 0, nil
}

func readHead(ctx context.Context, store objstore.Store, o objstore.Info) ([]byte, error) {
	body, err := store.Get(ctx, o.URI, "", objstore.Range{Length: min(o.Size, documentHead)})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
