package glue

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/cosmostat/constellation/pkg/fault"
)

// What a column of an Iceberg table is known by, beside its name.
const (
	columnID       = "iceberg.field.id"
	columnOptional = "iceberg.field.optional"
	columnCurrent  = "iceberg.field.current"
)

// longestComment is how much Glue keeps of what a column is, in bytes.
const longestComment = 255

// columns are a table's columns as Glue lists them: those of its schema, then what
// earlier schemas had besides. Names differ by more than their capitals, which
// Athena doesn't see. Noted are Glue's own, whose comments stay where the schema
// has none.
func columns(meta table.Metadata, noted []types.Column) []types.Column {
	comments := map[string]*string{}
	for _, c := range noted {
		comments[c.Parameters[columnID]] = c.Comment
	}
	var all []types.Column
	there := map[string]bool{}
	add := func(f iceberg.NestedField, current bool) {
		if folded := strings.ToLower(f.Name); there[folded] {
			return
		} else {
			there[folded] = true
		}
		id, name, kind := strconv.Itoa(f.ID), f.Name, typeName(f.Type)
		c := types.Column{Name: &name, Type: &kind, Comment: comments[id], Parameters: map[string]string{
			columnID: id, columnOptional: strconv.FormatBool(!f.Required), columnCurrent: strconv.FormatBool(current),
		}}
		if doc := comment(f.Doc); doc != "" {
			c.Comment = &doc
		}
		all = append(all, c)
	}
	now := meta.CurrentSchema()
	for _, f := range now.Fields() {
		add(f, true)
	}
	for _, s := range meta.Schemas() {
		if s.ID == now.ID {
			continue
		}
		for _, f := range s.Fields() {
			add(f, false)
		}
	}
	return all
}

// comment is a column's documentation in one line, as long as Glue takes it.
func comment(doc string) string {
	doc = strings.Join(strings.Fields(fault.Text(doc)), " ")
	if len(doc) <= longestComment {
		return doc
	}
	const more = "..."
	doc = doc[:longestComment-len(more)]
	return strings.ToValidUTF8(doc, "") + more
}

// typeName is a type as Hive has it.
func typeName(t iceberg.Type) string {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return "boolean"
	case iceberg.Int32Type:
		return "int"
	case iceberg.Int64Type:
		return "bigint"
	case iceberg.Float32Type:
		return "float"
	case iceberg.Float64Type:
		return "double"
	case iceberg.DateType:
		return "date"
	case iceberg.TimestampType, iceberg.TimestampTzType:
		return "timestamp"
	case iceberg.BinaryType, iceberg.FixedType:
		return "binary"
	case iceberg.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision(), t.Scale())
	case *iceberg.StructType:
		fields := make([]string, 0, len(t.Fields()))
		for _, f := range t.Fields() {
			fields = append(fields, f.Name+":"+typeName(f.Type))
		}
		return "struct<" + strings.Join(fields, ",") + ">"
	case *iceberg.ListType:
		return "array<" + typeName(t.Element) + ">"
	case *iceberg.MapType:
		return "map<" + typeName(t.KeyType) + "," + typeName(t.ValueType) + ">"
	}
	return "string"
}
