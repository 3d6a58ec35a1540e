package literal

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Blob is one file, by reference. The engine moves the URI, never the bytes.
type Blob struct {
	URI string
	// Format is the file's format, e.g. "parquet". Encoding fills an empty one from the
	// field's tag; where the tag names a format, a blob of another one is refused.
	Format string
	// Hash is the hash of the file's content, where its producer knows it: the
	// engine's cache key then takes it in the place of the URI, so that a consumer
	// of the same bytes under another name is a hit. See [Binding] for where it gets lost.
	Hash string
}

// Directory is many files below one prefix, by reference: a multi-part blob.
type Directory Blob

// StructuredDataset is a table, by reference: a file, or a prefix with the
// files of one table.
type StructuredDataset struct {
	URI    string
	Format string // as of a Blob, e.g. "parquet"
	// Columns are those of the table. Encoding fills empty ones from the field's
	// tag (columns=ra:float;id:integer); where the tag names columns, a table that
	// says which it has and lacks one of them is refused.
	Columns []Column
	Hash    string // as of a Blob
}

// Column is one column of a table.
type Column struct {
	Name string
	// Type is integer, float, string, boolean, datetime, duration, or list<> or map<> of these.
	Type string
}

var (
	blobType      = reflect.TypeFor[Blob]()
	directoryType = reflect.TypeFor[Directory]()
	datasetType   = reflect.TypeFor[StructuredDataset]()
)

// isReference tells whether a type is one of those that stand for files.
func isReference(t reflect.Type) bool {
	return t == blobType || t == directoryType || t == datasetType
}

// encodeReference encodes a Blob, a Directory or a StructuredDataset.
func encodeReference(v reflect.Value, h hint, path string) (*core.Literal, error) {
	var b Blob
	switch r := v.Interface().(type) {
	case Blob:
		b = r
	case Directory:
		b = Blob(r)
	case StructuredDataset:
		b = Blob{r.URI, r.Format, r.Hash}
	}
	if b.URI == "" {
		return nil, fmt.Errorf("%s: a %s without a URI: write the file and name it, or make the variable optional (*%v)", path, noun(v.Type()), v.Type())
	}
	if b.Format == "" {
		b.Format = h.format
	}
	if h.format != "" && b.Format != h.format {
		return nil, fmt.Errorf("%s: the %s %s has format %q, the variable takes %q", path, noun(v.Type()), b.URI, b.Format, h.format)
	}
	s := &core.Scalar{}
	if d, ok := v.Interface().(StructuredDataset); ok {
		columns := d.Columns
		if len(columns) == 0 {
			columns = h.columns
		}
		t, err := datasetOf(b.Format, columns)
		if err == nil {
			err = holdsColumns(t, h)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, b.URI, err)
		}
		s.Value = &core.Scalar_StructuredDataset{StructuredDataset: &core.StructuredDataset{
			Metadata: &core.StructuredDatasetMetadata{StructuredDatasetType: t}, Uri: b.URI,
		}}
	} else {
		t, _ := typeOf(v.Type(), hint{format: b.Format})
		s.Value = &core.Scalar_Blob{Blob: &core.Blob{Metadata: &core.BlobMetadata{Type: t.GetBlob()}, Uri: b.URI}}
	}
	l := scalar(s)
	l.Hash = b.Hash
	return l, nil
}

// decodeReference decodes a Blob, a Directory or a StructuredDataset.
func decodeReference(l *core.Literal, v reflect.Value, h hint, path string) error {
	b := Blob{Hash: l.GetHash()}
	var dataset *core.StructuredDatasetType
	switch s := l.GetScalar().GetValue().(type) {
	case *core.Scalar_StructuredDataset:
		dataset = s.StructuredDataset.GetMetadata().GetStructuredDatasetType()
		b.URI, b.Format = s.StructuredDataset.GetUri(), dataset.GetFormat()
	case *core.Scalar_Blob:
		b.URI, b.Format = s.Blob.GetUri(), s.Blob.GetMetadata().GetType().GetFormat()
	}
	_, isDataset := l.GetScalar().GetValue().(*core.Scalar_StructuredDataset)
	_, isBlob := l.GetScalar().GetValue().(*core.Scalar_Blob)
	multi := l.GetScalar().GetBlob().GetMetadata().GetType().GetDimensionality() == core.BlobType_MULTIPART
	switch {
	case v.Type() == datasetType && !isDataset, v.Type() != datasetType && !isBlob:
		return fmt.Errorf("%s: want %s, got %s", path, noun(v.Type()), Describe(l))
	case b.URI == "":
		return fmt.Errorf("%s: the %s has no URI", path, noun(v.Type()))
	case isBlob && multi && v.Type() == blobType:
		return fmt.Errorf("%s: %s is a multi-part blob: give a single file", path, b.URI)
	case isBlob && !multi && v.Type() == directoryType:
		return fmt.Errorf("%s: %s is a single file: give a multi-part blob", path, b.URI)
	// People launch with a bare URI, and a producer may leave its format open.
	case h.format != "" && b.Format != "" && b.Format != h.format:
		return fmt.Errorf("%s: %s has format %q, the variable takes %q", path, b.URI, b.Format, h.format)
	}
	if b.Format == "" {
		b.Format = h.format
	}
	switch v.Type() {
	case blobType:
		v.Set(reflect.ValueOf(b))
	case directoryType:
		v.Set(reflect.ValueOf(Directory(b)))
	default:
		if err := holdsColumns(dataset, h); err != nil {
			return fmt.Errorf("%s: %s: %w", path, b.URI, err)
		}
		d := StructuredDataset{URI: b.URI, Format: b.Format, Hash: b.Hash, Columns: h.columns}
		if columns := columnsOf(dataset); len(columns) > 0 {
			d.Columns = columns
		}
		v.Set(reflect.ValueOf(d))
	}
	return nil
}

func noun(t reflect.Type) string {
	return map[reflect.Type]string{blobType: "blob", directoryType: "multi-part blob", datasetType: "structured dataset"}[t]
}

// holdsColumns refuses a table that says which columns it has, and lacks one that the variable takes.
func holdsColumns(has *core.StructuredDatasetType, h hint) error {
	want, err := datasetOf("", h.columns)
	if err != nil || len(has.GetColumns()) == 0 {
		return err
	}
	for _, c := range want.GetColumns() {
		if got := columnType(has, c.GetName()); got == nil || !Accepts(c.GetLiteralType(), got) {
			return fmt.Errorf("the table has no column %s of type %s", c.GetName(), TypeName(c.GetLiteralType()))
		}
	}
	return nil
}

func columnType(t *core.StructuredDatasetType, name string) *core.LiteralType {
	for _, c := range t.GetColumns() {
		if c.GetName() == name {
			return c.GetLiteralType()
		}
	}
	return nil
}

// columnsOf lists columns; those of types that are not a Column's, which other
// producers may have, stay unlisted.
func columnsOf(t *core.StructuredDatasetType) []Column {
	var columns []Column
	seen := map[string]bool{"": true}
	for _, c := range t.GetColumns() {
		name := TypeName(c.GetLiteralType())
		if typeNamed(name) != nil && !seen[c.GetName()] {
			seen[c.GetName()] = true
			columns = append(columns, Column{c.GetName(), name})
		}
	}
	return columns
}

func datasetOf(format string, columns []Column) (*core.StructuredDatasetType, error) {
	d := &core.StructuredDatasetType{Format: format}
	for _, c := range columns {
		t := typeNamed(c.Type)
		if t == nil || c.Name == "" {
			return nil, fmt.Errorf("column %q has type %q: use integer, float, string, boolean, datetime, duration, or list<> or map<> of these", c.Name, c.Type)
		}
		if columnType(d, c.Name) != nil {
			return nil, fmt.Errorf("column %q stands twice", c.Name)
		}
		d.Columns = append(d.Columns, &core.StructuredDatasetType_DatasetColumn{Name: c.Name, LiteralType: t})
	}
	return d, nil
}

// typeNamed is the type that [TypeName] calls so, as far as tables have it; nil for others.
func typeNamed(name string) *core.LiteralType {
	for s, n := range simpleNames {
		if n == name && s != core.SimpleType_NONE {
			return simple(s)
		}
	}
	outer, inner, nested := strings.Cut(name, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	if !nested || !closed {
		return nil
	}
	switch elem := typeNamed(inner); {
	case elem == nil:
	case outer == "list":
		return &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: elem}}
	case outer == "map":
		return &core.LiteralType{Type: &core.LiteralType_MapValueType{MapValueType: elem}}
	}
	return nil
}
