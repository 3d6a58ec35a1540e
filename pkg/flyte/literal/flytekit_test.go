package literal

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/validators"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

var update = flag.Bool("update", false, "write testdata/ours, which testdata/flytekit.py reads")

type inner struct {
	Deep []float64 `json:"deep"`
}

// settings is the Go form of the Settings in testdata/flytekit.py.
type settings struct {
	Scale  float64          `json:"scale" doc:"of everything"`
	Depth  int32            `json:"depth"`
	Label  string           `json:"label"`
	Inner  inner            `json:"inner"`
	Tags   map[string]int32 `json:"tags"`
	Engine engine           `json:"engine"`
	Limit  *int32           `json:"limit"`
	Names  []string         `json:"names,omitempty"`
}

type oneOf struct {
	OneOf
	File     *Blob          `flyte:"file"`
	Text     *string        `flyte:"text"`
	Settings *settings      `flyte:"settings"`
	Took     *time.Duration `flyte:"took"`
}

// flytekitCases are those of testdata/flytekit.py, each a field.
type flytekitCases struct {
	String            string               `flyte:"string"`
	Integer           int64                `flyte:"integer"`
	Float             float64              `flyte:"float"`
	Boolean           bool                 `flyte:"boolean"`
	Datetime          time.Time            `flyte:"datetime"`
	Duration          time.Duration        `flyte:"duration"`
	Enum              engine               `flyte:"enum"`
	File              Blob                 `flyte:"file"`
	FileFormat        Blob                 `flyte:"file_format,format=parquet"`
	FileHash          Blob                 `flyte:"file_hash"`
	Directory         Directory            `flyte:"directory"`
	Dataset           StructuredDataset    `flyte:"dataset,format=parquet,columns=ra:float;id:integer;name:string"`
	Struct            settings             `flyte:"struct"`
	List              [][]int64            `flyte:"list"`
	Map               map[string][]float64 `flyte:"map"`
	ListStruct        []settings           `flyte:"list_struct"`
	OptionalSet       *int64               `flyte:"optional_set"`
	OptionalNone      *int64               `flyte:"optional_none"`
	OptionalFile      *Blob                `flyte:"optional_file,format=parquet"`
	OptionalDirectory *Directory           `flyte:"optional_directory"`
	OptionalStruct    *settings            `flyte:"optional_struct"`
	OptionalList      *[]string            `flyte:"optional_list"`
	OptionalMap       *map[string]bool     `flyte:"optional_map"`
	OptionalDatetime  *time.Time           `flyte:"optional_datetime"`
	ListOptional      []*float64           `flyte:"list_optional"`
	UnionFile         oneOf                `flyte:"union_file"`
	UnionString       oneOf                `flyte:"union_string"`
	UnionStruct       oneOf                `flyte:"union_struct"`
	UnionDuration     oneOf                `flyte:"union_duration"`
	OptionalUnion     *oneOf               `flyte:"optional_union"`
}

func flytekitValues() flytekitCases {
	s := settings{Scale: 0.5, Depth: 3, Label: "grüße", Inner: inner{[]float64{1, -2.5}}, Tags: map[string]int32{"a": 1}, Engine: "mock", Names: []string{}}
	when := time.Date(2027, 1, 2, 3, 4, 5, 678901000, time.UTC)
	file, parquet := Blob{URI: "s3://bucket/x"}, Blob{URI: "s3://bucket/x.parquet", Format: "parquet"}
	hashed := file
	hashed.Hash = "abc123"
	return flytekitCases{
		String: "grüße", Integer: 1<<62 + 1, Float: -0.5, Boolean: true, Datetime: when, Duration: -24*time.Hour + time.Microsecond, Enum: "mock",
		File: file, FileFormat: parquet, FileHash: hashed, Directory: Directory{URI: "s3://bucket/dir"},
		Dataset: StructuredDataset{URI: "s3://bucket/table", Format: "parquet", Columns: []Column{{"ra", "float"}, {"id", "integer"}, {"name", "string"}}},
		Struct:  s, List: [][]int64{{1, 2}, {}, {3}}, Map: map[string][]float64{"a": {1.5}, "": {}}, ListStruct: []settings{s, s},
		OptionalSet: ptr(int64(7)), OptionalFile: &parquet, OptionalDirectory: &Directory{URI: "s3://bucket/dir"}, OptionalStruct: &s,
		OptionalList: &[]string{"a"}, OptionalMap: &map[string]bool{"a": true}, OptionalDatetime: &when, ListOptional: []*float64{ptr(1.5), nil},
		UnionFile: oneOf{File: &file}, UnionString: oneOf{Text: ptr("text")}, UnionStruct: oneOf{Settings: &s}, UnionDuration: oneOf{Took: ptr(2 * time.Second)},
	}
}

func readProto(t *testing.T, path string, into proto.Message) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestFlytekit holds both directions to flytekit: what it wrote decodes to what
// it was written from, and the engine's compiler lets each side's outputs into
// the other's inputs.
func TestFlytekit(t *testing.T) {
	want := flytekitValues()
	fields, err := Fields(reflect.TypeOf(want))
	if err != nil {
		t.Fatal(err)
	}
	theirs := &core.LiteralMap{Literals: map[string]*core.Literal{}}
	for _, f := range fields {
		l, typ := &core.Literal{}, &core.LiteralType{}
		readProto(t, "flytekit/"+f.Name+".pb", l)
		readProto(t, "flytekit/"+f.Name+".type.pb", typ)
		theirs.Literals[f.Name] = l
		if !validators.AreTypesCastable(typ, f.Type) {
			t.Errorf("%s: the engine refuses flytekit's output %s for our input %s", f.Name, TypeName(typ), TypeName(f.Type))
		}
		if !validators.AreTypesCastable(f.Type, typ) {
			t.Errorf("%s: the engine refuses our output %s for flytekit's input %s", f.Name, TypeName(f.Type), TypeName(typ))
		}
	}
	if extra, _ := filepath.Glob("testdata/flytekit/*.type.pb"); len(extra) != len(fields) {
		t.Errorf("%d fixtures, %d fields", len(extra), len(fields))
	}
	var got flytekitCases
	if err := Unmarshal(theirs, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestOurs keeps the literals that testdata/flytekit.py read what this package writes.
func TestOurs(t *testing.T) {
	m, err := Marshal(flytekitValues())
	if err != nil {
		t.Fatal(err)
	}
	fields, err := Fields(reflect.TypeFor[flytekitCases]())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		for path, message := range map[string]proto.Message{"ours/" + f.Name + ".pb": m.Literals[f.Name], "ours/" + f.Name + ".type.pb": f.Type} {
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", path), marshalLiteral(message), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			committed := message.ProtoReflect().New().Interface()
			readProto(t, path, committed)
			if d := cmp.Diff(committed, message, protocmp.Transform()); d != "" {
				t.Errorf("%s (run with -update, then testdata/flytekit.py read):\n%s", strings.TrimSuffix(path, ".pb"), d)
			}
		}
	}
}
