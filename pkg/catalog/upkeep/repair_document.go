package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// earlier finds the newest earlier metadata document of a table that can be read.
// Documents of commits that lost lie among those of the table, so one counts only
// if another one, whoever wrote it, has it in its log: a commit is built on what the
// catalogue pointed at.
func earlier(ctx context.Context, c *tables.Catalog, store objstore.Store, t *Verified) (*Moved, error) {
	m := &Moved{Table: t.Table, From: t.Metadata}
	var documents []string
	err := store.List(ctx, directory(t.Metadata)+"/", func(o objstore.Info) error {
		if strings.HasSuffix(o.URI, ".metadata.json") {
			documents = append(documents, o.URI)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	type document struct {
		at   string
		seen *table.Table
	}
	readable, logged := map[string]document{}, map[string]bool{}
	for _, at := range documents {
		seen, err := c.LoadAt(ctx, t.layout, at)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue
		}
		readable[plain(at)] = document{at, seen}
		for e := range seen.Metadata().PreviousFiles() {
			logged[plain(e.MetadataFile)] = true
		}
	}
	if before, there, err := c.Previous(ctx, t.layout); err != nil {
		return nil, err
	} else if there {
		logged[plain(before)] = true
	}
	var found []document
	for at, d := range readable {
		if logged[at] && at != plain(t.Metadata) {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		return m, nil
	}
	newest := slices.MaxFunc(found, func(a, b document) int {
		x, y := a.seen.Metadata(), b.seen.Metadata()
		return cmp.Or(cmp.Compare(x.LastSequenceNumber(), y.LastSequenceNumber()), cmp.Compare(x.LastUpdatedMillis(), y.LastUpdatedMillis()), cmp.Compare(a.at, b.at))
	})
	m.To, m.Since = spelt(t.Metadata, newest.at), time.UnixMilli(newest.seen.Metadata().LastUpdatedMillis())
	return m, nil
}

// spelt is a file beside another one, spelt as that one is.
func spelt(like, uri string) string { return directory(like) + "/" + objstore.Base(uri) }

// verifyAt verifies a table as an earlier document has it.
func verifyAt(ctx context.Context, c *tables.Catalog, store objstore.Store, t *Verified, document string, deep bool) (*Verified, error) {
	at, err := c.LoadAt(ctx, t.layout, document)
	if err != nil {
		return nil, fmt.Errorf("load table %s as %s has it: %w", t.Table, document, err)
	}
	v := newVerified(t.layout, at)
	return v, v.look(ctx, store, deep)
}
