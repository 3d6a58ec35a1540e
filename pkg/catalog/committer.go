package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// committer stands between tables and their catalogue. It says which refused
// commits are worth a replay: the SQL catalogue doesn't tell a table that moved
// on from a commit that can never be, so the library would give up at the first
// meeting of two writers. And it guards replays: the library loads the table
// anew for each, and commits on what it was given, or not at all.
type committer struct {
	ice   icecat.Catalog
	props iceberg.Properties
	guard guard // of states that a commit is replayed on; may be nil
}

func (c *committer) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	t, err := c.load(ctx, ident)
	if err == nil && c.guard != nil {
		err = c.guard(ctx, t)
	}
	return t, err
}

func (c *committer) load(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	t, err := c.ice.LoadTable(ctx, ident)
	if err != nil {
		return nil, err
	}
	return table.New(ident, t.Metadata(), t.MetadataLocation(), iceio.LoadFSFunc(c.props, t.Location()), c), nil
}

func (c *committer) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	meta, location, err := c.ice.CommitTable(ctx, ident, reqs, updates)
	if err != nil && !errors.Is(err, table.ErrCommitFailed) && moved(err) {
		err = fmt.Errorf("%w: %w", table.ErrCommitFailed, err)
	}
	return meta, location, err
}

// moved says whether a commit was refused because the table is not what the
// commit was built on. Requirements are checked before anything is written, so
// nothing was committed. The library has no type for it; SQLite's lock errors
// too are given before the one statement that commits, and PostgreSQL rolls
// back what it can't serialize.
func moved(err error) bool {
	if state := (interface{ SQLState() string })(nil); errors.As(err, &state) && (state.SQLState() == "40001" || state.SQLState() == "40P01") {
		return true
	}
	s := strings.ToLower(err.Error())
	return strings.Contains(s, "requirement failed") || strings.Contains(s, "database is locked")
}
