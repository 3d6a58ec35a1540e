package upkeep

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Files counts some files.
type Files struct {
	Count   int
	Bytes   int64
	Example string // the first one's URI
}

func (f *Files) add(o objstore.Info) {
	if f.Count++; f.Count == 1 {
		f.Example = o.URI
	}
	f.Bytes += o.Size
}

const (
	metadataDir = "metadata/"
	dataDir     = "data/"
	versionHint = metadataDir + "version-hint.text" // which catalogues of other kinds keep
)

// findFiles adds the files below the table that no snapshot names which stays,
// and that were there before a time: one where a snapshot names them that goes,
// another where none does. Listings don't follow links, and S3 gives times without
// their fractions of seconds.
func findFiles(ctx context.Context, c *tables.Catalog, store objstore.Store, t *table.Table, s *Stale, before, unnamed time.Time) error {
	gone := map[int64]bool{}
	for _, id := range s.Snapshots {
		gone[id] = true
	}
	used, err := references(ctx, t, gone)
	if err != nil {
		return err
	}
	var found, documents []objstore.Info
	err = objstore.Unfollowed(store).List(ctx, s.Location+"/", func(o objstore.Info) error {
		rel := strings.TrimPrefix(o.URI, s.Location+"/")
		name := objstore.Base(rel)
		stays, named := used[name]
		if stays || rel == versionHint || strings.HasPrefix(name, ".") { // hidden: checksums that Hadoop keeps beside files
			return nil
		}
		if strings.Contains(name, ".metadata.json") && !o.Link {
			documents = append(documents, o)
		}
		until := unnamed
		if named {
			until = before
		}
		switch {
		case o.Link || !s.written.MatchString(rel):
			s.Foreign.add(o)
		case o.Modified.Before(until.Truncate(time.Second)):
			found = append(found, o)
		case o.Modified.Before(before.Truncate(time.Second)):
			s.Young.add(o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	others, shared, err := otherTables(ctx, store, t, documents)
	if err != nil {
		return err
	}
	if shared != "" {
		s.Kept = "another table may have its files there: " + shared + " is not this one's"
		return nil
	}
	for _, o := range found {
		if others[o.URI] {
			continue
		}
		s.files = append(s.files, o)
		if strings.HasPrefix(o.URI, s.Location+"/"+metadataDir) {
			s.Metadata.add(o)
		} else {
			s.Data.add(o)
		}
	}
	return nil
}

// removes is how many files are removed at a time.
const removes = 16

// removeFiles removes the plan's files that still nothing names: a commit may
// have failed to expire a snapshot of theirs. Directories stay, since a commit
// may be about to write into one.
func removeFiles(ctx context.Context, c *tables.Catalog, store objstore.Store, s *Stale, done *Files) error {
	if len(s.files) == 0 {
		return nil
	}
	var used map[string]bool
	err := settled(ctx, c, s.layout, func(t *table.Table) (err error) {
		if t.Metadata().TableUUID().String() == s.uuid {
			used, err = references(ctx, t, nil)
		}
		return err
	})
	if err != nil || used == nil { // nil: the table is gone, or another one
		return err
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(removes)
	for _, o := range s.files {
		if used[objstore.Base(o.URI)] {
			continue
		}
		g.Go(func() error {
			err := s.remove(gctx, store, o.URI)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done.add(o)
			}
			return err
		})
	}
	return g.Wait()
}

// remove removes a file that a commit wrote below the table, and nothing else.
func (s *Stale) remove(ctx context.Context, store objstore.Store, uri string) error {
	rel, err := objstore.Rel(s.Location, uri)
	if err != nil {
		return err
	}
	if !s.written.MatchString(rel) {
		return fault.New(fault.Bug, tables.CodeTable, "no commit writes such a file below %s", s.Location).On(uri)
	}
	return store.Delete(ctx, uri)
}

// removeLog removes the table metadata that a commit has just dropped from the
// log, where the table says so: the library's transactions do it, and this
// commit is none of theirs. What it leaves, later upkeep finds.
func removeLog(ctx context.Context, store objstore.Store, s *Stale, before, after table.Metadata) error {
	if !after.Properties().GetBool(table.MetadataDeleteAfterCommitEnabledKey, table.MetadataDeleteAfterCommitEnabledDefault) {
		return nil
	}
	stay := map[string]bool{}
	for e := range after.PreviousFiles() {
		stay[e.MetadataFile] = true
	}
	for e := range before.PreviousFiles() {
		rel, err := objstore.Rel(s.Location, e.MetadataFile)
		if err != nil || stay[e.MetadataFile] || !s.written.MatchString(rel) {
			continue
		}
		if err := s.remove(ctx, store, e.MetadataFile); err != nil {
			return err
		}
	}
	return nil
}
