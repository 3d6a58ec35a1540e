package tables

import (
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/fault"
)

// A column of a table is found by its field id: whoever renames it, or widens its
// type, changes no file, and the id stays. One that tables were given later is found
// by its name, since its id is what was free then.

// Field is a table's field that holds a column; there says whether it has it.
func (l Layout) Field(t *table.Table, column string) (field iceberg.NestedField, there bool) {
	want, ours := l.Schema.FindFieldByName(column)
	if !ours {
		return field, false
	}
	return at(t, want)
}

func at(t *table.Table, want iceberg.NestedField) (field iceberg.NestedField, there bool) {
	if want.Name == rows.Healpix {
		return t.Schema().FindFieldByName(want.Name)
	}
	return t.Schema().FindFieldByID(want.ID)
}

// Columns gives the columns that a table's fields hold, by their names there.
func (l Layout) Columns(t *table.Table) map[string]string {
	names := map[string]string{}
	for _, want := range l.Schema.Fields() {
		if got, ok := at(t, want); ok {
			names[got.Name] = want.Name
		}
	}
	return names
}

// Check refuses a table that somebody else laid, or changed so that it can't be
// used: each column that must have a value is to be there under its field id, in
// its type or a wider one; of some columns, where they are named. What can be null
// may be gone, and further columns don't hurt that can.
func (l Layout) Check(t *table.Table, columns ...string) error {
	for _, want := range l.Schema.Fields() {
		if len(columns) == 0 || slices.Contains(columns, want.Name) {
			if err := l.checkField(t, want); err != nil {
				return err
			}
		}
	}
	if len(columns) > 0 {
		return nil
	}
	ours := l.Columns(t)
	for _, got := range t.Schema().Fields() {
		if ours[got.Name] == "" && got.Required && got.WriteDefault == nil {
			return l.otherwise(t, got.Name, "it is required, and nothing writes it")
		}
	}
	spec := t.Spec()
	for _, f := range spec.Fields() {
		name, _ := t.Schema().FindColumnName(f.SourceID())
		if _, void := f.Transform.(iceberg.VoidTransform); !void && ours[name] == "" {
			return l.otherwise(t, name, "the table is parted by it (%s), and nothing writes it", f.Name)
		}
	}
	return nil
}

func (l Layout) checkField(t *table.Table, want iceberg.NestedField) error {
	got, ok := at(t, want)
	named, taken := t.Schema().FindFieldByName(want.Name)
	switch {
	case taken && named.ID != got.ID:
		return l.otherwise(t, want.Name, "its field id is %d, it must be %d", named.ID, want.ID)
	case !ok && want.Required:
		return l.otherwise(t, want.Name, "it is not there, nor another one of its field id %d", want.ID)
	case !ok:
		return nil
	case !got.Type.Equals(want.Type) && !wider(got.Type, want.Type):
		return l.otherwise(t, want.Name, "it is a %s, it must be a %s", got.Type, want.Type)
	case got.Required && !want.Required:
		return l.otherwise(t, want.Name, "it must be able to be null")
	}
	return nil
}

func (l Layout) otherwise(t *table.Table, column, format string, a ...any) error {
	return fault.Input(CodeTable, "the table that is there has another layout: "+format, a...).On(t.Location()).At("column %q", column).
		Fix("choose another output.catalog_table, or undo the change of the table's schema")
}

// wider says whether a type holds all values of another, as the standard lets a
// column's become (Iceberg specification, Schema Evolution).
func wider(got, want iceberg.Type) bool {
	switch want {
	case iceberg.PrimitiveTypes.Int32:
		return got.Equals(iceberg.PrimitiveTypes.Int64)
	case iceberg.PrimitiveTypes.Float32:
		return got.Equals(iceberg.PrimitiveTypes.Float64)
	}
	return false
}

func (l Layout) checkIf(there bool, t *table.Table) error {
	if !there {
		return nil
	}
	return l.Check(t)
}
