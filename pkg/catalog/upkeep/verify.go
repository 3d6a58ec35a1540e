package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// A table is a tree of files: metadata names a list of manifests for each
// snapshot, a list names manifests, and those name the files with the rows and
// with what was deleted of them, each with its size. One that is gone or another
// one makes every snapshot unreadable that leads to it. [Verify] looks for all of
// them, [PlanRepair] and [Repair] give back a table that can be read.

// Codes of what verification ends with.
const (
	CodeBroken = "CatalogBroken" // bad data: files of a table are gone or aren't what they were
	CodeRepair = "CatalogRepair" // bad input: there is no such way to repair it
)

const (
	remedyFile = "constellation catalog repair shows what can be done, and does it with --yes; or put the file back"
	remedyRows = "assemble the run again that measured these tiles: that writes their rows anew"
)

// Kind says what a file of a table is.
type Kind string

// Kinds of files, from the root of the tree on.
const (
	Document   Kind = "metadata"
	List       Kind = "manifest list"
	Manifest   Kind = "manifest"
	DataFile   Kind = "data file"
	DeleteFile Kind = "delete file"
	Statistics Kind = "statistics"
	RowsOf     Kind = "rows" // of several files together
)

// Flaw is one thing that is wrong with a table.
type Flaw struct {
	Table     string  `json:"table"`
	Kind      Kind    `json:"kind"`
	File      string  `json:"file,omitempty"`
	What      string  `json:"what"`
	Snapshots []int64 `json:"snapshots,omitempty"` // that lead to it, oldest first
	Current   bool    `json:"current"`             // the newest snapshot does
	Remedy    string  `json:"remedy"`

	tiles   Tiles // whose rows are in it, where that is known
	refers  string
	content bool // its size is right and its content isn't
}

func (f Flaw) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s: %s", f.Table, f.Kind)
	if f.File != "" {
		fmt.Fprintf(&b, " %s", f.File)
	}
	switch n := len(f.Snapshots); {
	case n == 1:
		fmt.Fprintf(&b, ", snapshot %d", f.Snapshots[0])
	case n > 1:
		fmt.Fprintf(&b, ", %d snapshots from %d to %d", n, f.Snapshots[0], f.Snapshots[n-1])
	}
	fmt.Fprintf(&b, ": %s", f.What)
	return b.String()
}

// Verdict is what verification found.
type Verdict struct {
	OK     bool        `json:"ok"`
	Deep   bool        `json:"deep"`
	Tables []*Verified `json:"tables"`
	// UnderWay are sub-tiles whose sources are there and whose shear isn't yet.
	UnderWay int    `json:"under_way,omitempty"`
	Across   []Flaw `json:"across,omitempty"` // what one table says and the other doesn't
}

// Verified is one table.
type Verified struct {
	Table      string `json:"table"`
	Location   string `json:"location"`
	Metadata   string `json:"metadata"` // the document that the catalogue points at
	Snapshot   int64  `json:"snapshot"` // the newest one
	Snapshots  int    `json:"snapshots"`
	Manifests  int    `json:"manifests"`
	Data       int    `json:"data_files"`
	Deletes    int    `json:"delete_files"`
	Statistics int    `json:"statistics_files"`
	Bytes      int64  `json:"bytes"`              // of all of these but the lists
	Contents   *Deep  `json:"contents,omitempty"` // of a deep look
	Flaws      []Flaw `json:"flaws,omitempty"`

	spans       []span // data files of the newest snapshot
	misplaced   int64  // rows whose _healpix_29 is wrong
	misplacedAt key

	table  *table.Table // nil where its metadata can't be read
	layout tables.Layout
	files  map[string]*named
	seen   *looking
	whole  map[int64]bool // snapshots that nothing is wrong with
}

// Flaws are all that were found.
func (v *Verdict) Flaws() (all []Flaw) {
	for _, t := range v.Tables {
		all = append(all, t.Flaws...)
	}
	return append(all, v.Across...)
}

// Err is the verdict as an error; nil where all is well.
func (v *Verdict) Err() error {
	all := v.Flaws()
	if len(all) == 0 {
		return nil
	}
	first := all[0]
	more := ""
	if len(all) > 1 {
		more = fmt.Sprintf("; and %d more things are wrong with the catalogue", len(all)-1)
	}
	err := fault.Data(CodeBroken, "%s: %s%s", first.Kind, first.What, more).On(first.File).Fix("%s", first.Remedy)
	if first.File == "" {
		err = err.On(first.Table)
	}
	if n := len(first.Snapshots); n > 0 {
		err = err.At("snapshot %d", first.Snapshots[n-1])
	}
	return err
}

// Verify looks whether every file that a snapshot of the tables leads to is there
// and has its size, those of all snapshots that are kept. Each file is asked for
// once, by listing where that takes fewer requests. Deep reads the data files as
// well, see [Deep]. What is wrong is in the verdict; an error is that it couldn't
// be looked at.
func Verify(ctx context.Context, c *tables.Catalog, store objstore.Store, deep bool) (*Verdict, error) {
	ctx = c.With(ctx)
	v := &Verdict{Deep: deep}
	for _, l := range []tables.Layout{c.ShearTable(), c.SourcesTable()} {
		seen, err := verifyTable(ctx, c, store, l, deep)
		if err != nil {
			return nil, fmt.Errorf("verify table %s: %w", l.Name(), err)
		}
		if seen != nil {
			v.Tables = append(v.Tables, seen)
		}
	}
	if len(v.Tables) == 0 {
		return nil, noTable(c)
	}
	if deep {
		if err := v.across(ctx); err != nil {
			return nil, err
		}
	}
	v.OK = len(v.Flaws()) == 0
	return v, nil
}

func noTable(c *tables.Catalog) error {
	return fault.Input(tables.CodeTable, "the catalogue has no table %s", c.ShearTable().Name()).On(c.URI()).
		Fix("output.catalog_namespace and catalog_table name it; assembling makes it")
}

// verifyTable looks at one table; nil where there is none. What is wrong with
// snapshots that upkeep took away meanwhile doesn't count.
func verifyTable(ctx context.Context, c *tables.Catalog, store objstore.Store, l tables.Layout, deep bool) (*Verified, error) {
	for attempt := 0; ; attempt++ {
		if err := tables.Pause(ctx, attempt); err != nil {
			return nil, err
		}
		t, exists, err := c.Load(ctx, l, nil)
		if t == nil && err != nil {
			at, there, perr := c.Pointer(ctx, l)
			if perr != nil || !there {
				return nil, errors.Join(err, perr)
			}
			return unreadable(ctx, l, at, err)
		}
		if !exists {
			return nil, nil
		}
		if !c.Repoints() { // such a catalogue may remember what the document said
			if _, err := c.LoadAt(ctx, l, t.MetadataLocation()); err != nil {
				return unreadable(ctx, l, t.MetadataLocation(), err)
			}
		}
		v := newVerified(l, t)
		if err := v.look(ctx, store, deep); err != nil {
			return nil, err
		}
		if len(v.Flaws) == 0 {
			return v, nil
		}
		now, exists, err := c.Load(ctx, l, nil)
		if now == nil || !exists {
			return v, errors.Join(err, ctx.Err())
		}
		if now.MetadataLocation() == t.MetadataLocation() || attempt >= tables.Attempts {
			return v, nil
		}
		before := len(v.Flaws)
		v.forget(now.Metadata())
		if len(v.Flaws) == before { // none of it is upkeep's doing
			return v, nil
		}
	}
}

func newVerified(l tables.Layout, t *table.Table) *Verified {
	return &Verified{Table: l.Name(), Location: strings.TrimRight(t.Location(), "/"), Metadata: t.MetadataLocation(), table: t, layout: l, Snapshot: tables.SnapshotID(t)}
}

// forget drops what is wrong with snapshots that are gone by now.
func (v *Verified) forget(now table.Metadata) {
	kept := v.Flaws[:0]
	for _, f := range v.Flaws {
		f.Snapshots = slices.DeleteFunc(f.Snapshots, func(id int64) bool { return now.SnapshotByID(id) == nil })
		if len(f.Snapshots) > 0 {
			kept = append(kept, f)
		}
	}
	v.Flaws = kept
}

// unreadable is a table whose metadata document can't be read, which is an error
// where only the way there failed.
func unreadable(ctx context.Context, l tables.Layout, at string, err error) (*Verified, error) {
	if ctx.Err() != nil || !errors.Is(err, fs.ErrNotExist) && onTheWay(err) {
		return nil, errors.Join(err, ctx.Err())
	}
	what := "it can't be read: " + reason(err)
	if errors.Is(err, fs.ErrNotExist) {
		what = "it is not there"
	}
	v := &Verified{Table: l.Name(), Location: directory(directory(at)), Metadata: at, layout: l}
	v.Flaws = []Flaw{{Table: v.Table, Kind: Document, File: at, What: what, Current: true, Remedy: remedyFile}}
	return v, nil
}

// reason is what an error says of itself, without the remedies of those around it.
func reason(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Err.Error()
	}
	return err.Error()
}

func directory(uri string) string {
	return strings.TrimRight(strings.TrimSuffix(uri, objstore.Base(uri)), "/")
}

// flaw adds what is wrong with a file.
func (v *Verified) flaw(f Flaw) {
	f.Table = v.Table
	if f.Remedy = remedyFile; f.Kind == RowsOf {
		f.Remedy = remedyRows
	}
	f.Current = slices.Contains(f.Snapshots, v.Snapshot)
	v.Flaws = append(v.Flaws, f)
}
