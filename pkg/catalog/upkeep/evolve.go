package upkeep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// Evolution is what a table lacks of what a new one has, and how it changes.
type Evolution struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns,omitempty"`        // that are added, null in the rows that are there
	From    string   `json:"partitioned_by,omitempty"` // where that changes: the files that are there stay as they are
	To      string   `json:"partitioned_anew_by,omitempty"`
	Format  int      `json:"format_version,omitempty"` // that it is raised to
	Set     []string `json:"properties,omitempty"`     // that are set

	set iceberg.Properties
}

// Empty says whether the table is as a new one.
func (e Evolution) Empty() bool { return len(e.Columns)+len(e.Set)+e.Format == 0 && e.To == "" }

// Evolve brings both tables to what new ones are like, by their metadata alone: no
// file is written again, and all readers go on. Format is the version of the standard
// that they are to have at least, 0 for whichever they have; there is no way back
// from a higher one. Where look is set, nothing is changed, only found out.
func Evolve(ctx context.Context, c *tables.Catalog, format int, look bool) (done []Evolution, err error) {
	ctx = c.With(ctx)
	if format != 0 && format != 2 && format != 3 {
		return nil, fault.Input(tables.CodeSettings, "there is no format version %d that tables could be raised to", format).Fix("2 or 3")
	}
	for _, l := range []tables.Layout{c.ShearTable(), c.SourcesTable()} {
		var e Evolution
		err := settled(ctx, c, l, func(t *table.Table) error {
			if err := l.Check(t, required(l)...); err != nil {
				return err
			}
			e = lacks(l, t, format)
			if look || e.Empty() {
				return nil
			}
			return e.change(ctx, l, t)
		})
		if err != nil {
			return done, fmt.Errorf("evolve table %s: %w", l.Name(), err)
		}
		if e.Table != "" {
			done = append(done, e)
		}
	}
	if len(done) == 0 {
		return nil, fault.Input(tables.CodeTable, "the catalogue has no table %s", c.ShearTable().Name()).On(c.URI()).
			Fix("output.catalog_namespace and catalog_table name it; assembling makes it")
	}
	return done, nil
}

func required(l tables.Layout) (columns []string) {
	for _, f := range l.Schema.Fields() {
		if f.Required {
			columns = append(columns, f.Name)
		}
	}
	return columns
}

func lacks(l tables.Layout, t *table.Table, format int) Evolution {
	e := Evolution{Table: l.Name(), set: iceberg.Properties{}}
	for _, f := range l.Schema.Fields() {
		if _, there := l.Field(t, f.Name); !there {
			e.Columns = append(e.Columns, f.Name)
		}
	}
	is, want := t.Spec(), l.Spec()
	if !sameParts(is, want) {
		e.From, e.To = l.Parts(t, is), l.Parts(t, want)
	}
	if format > t.Metadata().Version() {
		e.Format = format
	}
	for key, value := range tables.Properties() {
		if t.Properties()[key] != value {
			e.set[key] = value
		}
	}
	e.Set = slices.Sorted(maps.Keys(e.set))
	return e
}

// sameParts says whether two specs part a table alike, whatever their fields are named.
func sameParts(a, b iceberg.PartitionSpec) bool {
	kept := func(s iceberg.PartitionSpec) (parts []string) {
		for _, f := range s.Fields() {
			if _, void := f.Transform.(iceberg.VoidTransform); !void {
				parts = append(parts, strconv.Itoa(f.SourceID())+" "+f.Transform.String())
			}
		}
		return parts
	}
	return slices.Equal(kept(a), kept(b))
}

// change sends all in one commit, which another one's makes fail.
func (e Evolution) change(ctx context.Context, l tables.Layout, t *table.Table) error {
	tx := t.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return err
	}
	if e.Format > 0 {
		if err := tx.UpgradeFormatVersion(e.Format); err != nil {
			return err
		}
	}
	if len(e.Columns) > 0 {
		schema := tx.UpdateSchema(true, false)
		for _, name := range e.Columns {
			f, _ := l.Schema.FindFieldByName(name)
			schema.AddColumn([]string{name}, f.Type, f.Doc, false, nil) // rows that are there have none
		}
		if err := schema.Commit(); err != nil {
			return err
		}
	}
	if e.To != "" {
		spec, tile := tx.UpdateSpec(true), ""
		if f, there := l.Field(t, "TILE_ID"); there {
			tile = f.Name
		}
		is := t.Spec()
		for _, f := range is.Fields() {
			if _, void := f.Transform.(iceberg.VoidTransform); !void {
				spec.RemoveField(f.Name)
			}
		}
		spec.AddField(tile, iceberg.TruncateTransform{Width: l.Width}, "")
		if err := spec.Commit(); err != nil {
			return err
		}
	}
	if err := tx.SetProperties(e.set); err != nil {
		return err
	}
	_, err := tx.Commit(ctx)
	return err
}
