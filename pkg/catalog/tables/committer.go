package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/fault"
)

// committer stands between tables and their catalogue. It says which refused
// commits are worth a replay: the SQL catalogue doesn't tell a table that moved
// on from a commit that can never be, so the library would give up at the first
// meeting of two writers. And it guards replays: the library loads the table
// anew for each, and commits on what it was given, or not at all.
type committer struct {
	ice   icecat.Catalog
	props iceberg.Properties
	guard Guard     // of states that a commit is replayed on; may be nil
	since time.Time // when the table was loaded: no file of a commit is older
}

// Floor is how old a file has to be that no snapshot names, before it is taken
// for one that a commit left which was cut off or lost: a commit writes its files
// first, and nothing names them until it ends.
const Floor = 24 * time.Hour

// Guard is run on each state of a table that a commit may replace, and refuses it.
type Guard func(ctx context.Context, t *table.Table) error

// LongCommit is how long a commit may be under way before its files are looked at:
// far below the age at which upkeep takes files that nothing names.
var LongCommit = Floor / 4

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
	if time.Since(c.since) > LongCommit {
		if err := c.whole(ctx, ident, updates); err != nil {
			return nil, "", err
		}
	}
	meta, location, err := c.ice.CommitTable(ctx, ident, reqs, updates)
	if err != nil && !errors.Is(err, table.ErrCommitFailed) && moved(err) {
		err = fmt.Errorf("%w: %w", table.ErrCommitFailed, err)
	}
	return meta, location, err
}

// whole says whether the files are there that a commit adds. Upkeep may have taken
// those of one that took long, which then is to be built again: the library, which
// would commit the same files again, is not told that it lost a race.
func (c *committer) whole(ctx context.Context, ident table.Identifier, updates []table.Update) error {
	t, err := c.ice.LoadTable(ctx, ident)
	if err != nil {
		return err
	}
	fs := iceio.LoadFSFunc(c.props, t.Location())
	open, err := fs(ctx)
	if err != nil {
		return err
	}
	for _, u := range updates {
		text, err := json.Marshal(u)
		if err != nil {
			return err
		}
		var add struct {
			Snapshot *table.Snapshot `json:"snapshot"`
		}
		if err := json.Unmarshal(text, &add); err != nil || add.Snapshot == nil {
			continue // another update
		}
		if err := addsWhole(ctx, open, add.Snapshot); err != nil {
			return fault.Passing(CodeGone, "upkeep took files of this commit, which was under way for %s: %w", time.Since(c.since).Round(time.Second), err).
				On(t.Location()).Fix("nothing: it is built again; should it go on, run clean --snapshots with a greater --older-than")
		}
	}
	return nil
}

// addsWhole opens all files that a snapshot adds.
func addsWhole(ctx context.Context, fs iceio.IO, s *table.Snapshot) error {
	list, err := s.Manifests(fs)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.SnapshotID() != s.SnapshotID {
			continue
		}
		paths, err := FilesOf(ctx, fs, m)
		if err != nil {
			return err
		}
		for _, path := range paths {
			f, err := fs.Open(path)
			if err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
	}
	return nil
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

// Update sends changes of a table's metadata that no transaction makes.
func (c *Catalog) Update(ctx context.Context, l Layout, reqs []table.Requirement, updates []table.Update) (table.Metadata, error) {
	meta, _, err := (&committer{c.Ice, c.props, nil, time.Now()}).CommitTable(ctx, l.Ident, reqs, updates)
	return meta, err
}

// Attempts bounds how often a change is built again that lost against another one.
const Attempts = 10

// Lost says whether a commit lost against another one and may be built again.
func Lost(err error) bool {
	return errors.Is(err, table.ErrCommitFailed) || errors.Is(err, table.ErrCommitDiverged) || fault.CodeOf(err) == CodeGone
}

// Pause waits before an attempt that is not the first, longer each time.
func Pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(1+rand.IntN(50<<min(attempt, 6))) * time.Millisecond):
		return nil
	}
}
