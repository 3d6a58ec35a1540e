package literal

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/testing/protocmp"
)

type kindOfThing string

type point struct {
	X    float64           `json:"x"`
	N    int32             `json:"n"`
	Tags map[string]string `json:"tags,omitempty"`
	Next *struct {
		Deep []float64 `json:"deep"`
	} `json:"next,omitempty"`
}

type everything struct {
	Text    string               `flyte:"text" doc:"some text"`
	Kind    kindOfThing          `flyte:"kind"`
	Count   int64                `flyte:"count"`
	Small   int8                 `flyte:"small"`
	Ratio   float64              `flyte:"ratio"`
	Yes     bool                 `flyte:"yes"`
	File    Blob                 `flyte:"file,format=parquet"`
	Point   point                `flyte:"point"`
	IDs     []int64              `flyte:"ids"`
	Nested  [][]string           `flyte:"nested"`
	ByName  map[string]float64   `flyte:"by_name"`
	Maybe   *int64               `flyte:"maybe"`
	Absent  *Blob                `flyte:"absent"`
	Some    [][]*Blob            `flyte:"some,format=json"`
	Points  []point              `flyte:"points"`
	OrList  *[]string            `flyte:"or_list"`
	When    time.Time            `flyte:"when"`
	Took    []time.Duration      `flyte:"took"`
	Engine  engine               `flyte:"engine"`
	Engines map[string]*engine   `flyte:"engines"`
	Dir     Directory            `flyte:"dir,format=zarr"`
	Dirs    *Directory           `flyte:"dirs"`
	Table   StructuredDataset    `flyte:"table,format=parquet,columns=ra:float;tags:list<map<string>>"`
	Tables  []*StructuredDataset `flyte:"tables"`
	Source  source               `flyte:"source"`
	Sources []*source            `flyte:"sources"`
	OrPoint *point               `flyte:"or_point"`
}

type engine string

func (engine) FlyteEnum() []string { return []string{"shine", "mock"} }

type source struct {
	OneOf
	Table *Blob              `flyte:"table,format=parquet"`
	Set   *StructuredDataset `flyte:"set"`
	Text  *string            `flyte:"text"`
	Many  *[]*float64        `flyte:"many"`
	Point *point             `flyte:"point"`
	Took  *time.Duration     `flyte:"took"`
	By    *map[string]int    `flyte:"by"`
}

func ptr[T any](v T) *T { return &v }

func full() everything {
	return everything{
		Text: "grüße", Kind: "k", Count: math.MaxInt64, Small: -128, Ratio: math.Inf(-1), Yes: true,
		File: Blob{URI: "s3://b/f.parquet", Format: "parquet", Hash: "f00"},
		Point: point{X: 1.5, N: -3, Tags: map[string]string{"a": "b"}, Next: &struct {
			Deep []float64 `json:"deep"`
		}{[]float64{1e300, 0}}},
		IDs:    []int64{102018211000000001, -1},
		Nested: [][]string{{"a"}, {}, {"b", ""}},
		ByName: map[string]float64{"": 1, "x": 2},
		Maybe:  ptr(int64(7)),
		Some:   [][]*Blob{{{URI: "s3://b/1", Format: "json", Hash: "1"}, nil}, {}},
		Points: []point{{}, {N: 1}},
		OrList: ptr([]string{"z"}),
		When:   time.Date(2030, 2, 28, 23, 59, 59, 999999999, time.UTC), Took: []time.Duration{-time.Nanosecond, math.MaxInt64},
		Engine: "mock", Engines: map[string]*engine{"a": ptr(engine("shine")), "b": nil},
		Dir: Directory{URI: "s3://b/d/", Format: "zarr", Hash: "d"}, Dirs: &Directory{URI: "/d", Hash: "e"},
		Table: StructuredDataset{URI: "s3://b/t", Format: "parquet", Hash: "t",
			Columns: []Column{{"ra", "float"}, {"tags", "list<map<string>>"}, {"more", "boolean"}}},
		Tables:  []*StructuredDataset{nil, {URI: "x", Format: "csv", Columns: []Column{{"at", "datetime"}, {"for", "duration"}, {"n", "integer"}}}, {URI: "y"}},
		Source:  source{Table: &Blob{URI: "s3://b/s.parquet", Format: "parquet", Hash: "s"}},
		Sources: []*source{nil, {Set: &StructuredDataset{URI: "d"}}, {Text: ptr("")}, {Many: &[]*float64{nil, ptr(1.5)}}, {Point: &point{N: 4}}, {Took: ptr(time.Hour)}, {By: &map[string]int{"a": 1}}},
	}
}

func TestRoundTrip(t *testing.T) {
	want := full()
	m, err := Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got everything
	if err := Unmarshal(m, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(m.Literals) != reflect.TypeFor[everything]().NumField() {
		t.Errorf("%d literals: every variable is written, optional ones too", len(m.Literals))
	}
}

func TestVariables(t *testing.T) {
	m, err := Variables(reflect.TypeFor[everything]())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"text": "string", "kind": "string", "count": "integer", "small": "integer", "ratio": "float", "yes": "boolean",
		"file": "blob(parquet)", "point": "struct", "ids": "list<integer>", "nested": "list<list<string>>", "by_name": "map<float>",
		"maybe": "optional integer", "absent": "optional blob", "some": "list<list<optional blob(json)>>", "points": "list<struct>",
		"or_list": "optional list<string>", "or_point": "optional struct",
		"when": "datetime", "took": "list<duration>", "engine": "one of shine|mock", "engines": "map<optional one of shine|mock>",
		"dir": "directory(zarr)", "dirs": "optional directory", "table": "dataset(parquet ra:float tags:list<map<string>>)",
		"tables":  "list<optional dataset>",
		"source":  "blob(parquet) or dataset or string or list<optional float> or struct or duration or map<integer>",
		"sources": "list<optional blob(parquet) or dataset or string or list<optional float> or struct or duration or map<integer>>",
	}
	got := map[string]string{}
	for name, v := range m.GetVariables() {
		got[name] = TypeName(v.GetType())
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if m.GetVariables()["text"].GetDescription() != "some text" {
		t.Error("the description of text is missing")
	}
}

type emptyEnum string

func (emptyEnum) FlyteEnum() []string { return nil }

type intEnum int

func (intEnum) FlyteEnum() []string { return []string{"1"} }

type selfish struct {
	Child *selfish `json:"child"`
}

type textual struct{}

func (textual) MarshalText() ([]byte, error) { return nil, nil }

func TestRefusals(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"no struct", 3, "use a struct"},
		{"blob as interface", Blob{}, "use a struct"},
		{"untagged", struct{ A int }{}, "has no name for Flyte"},
		{"unexported", struct {
			a int `flyte:"a"`
		}{}, "unexported"},
		{"camel", struct {
			A int `flyte:"fileName"`
		}{}, "snake_case"},
		{"twice", struct {
			A int `flyte:"a"`
			B int `flyte:"a"`
		}{}, `variable "a" is already the name of field A`},
		{"option", struct {
			A Blob `flyte:"a,fromat=x"`
		}{}, `tag option "fromat=x" is unknown`},
		{"format of no blob", struct {
			A int `flyte:"a,format=x"`
		}{}, "belongs to a literal.Blob"},
		{"float32", struct {
			A float32 `flyte:"a"`
		}{}, "float32 has no Flyte literal: use string, an Enum"},
		{"uint64", struct {
			A uint64 `flyte:"a"`
		}{}, "uint64 has no Flyte literal"},
		{"bytes", struct {
			A []byte `flyte:"a"`
		}{}, "write a file and pass a literal.Blob"},
		{"chan in list", struct {
			A []chan int `flyte:"a"`
		}{}, "chan int has no Flyte literal"},
		{"any", struct {
			A any `flyte:"a"`
		}{}, "interface {} has no Flyte literal"},
		{"map of ints", struct {
			A map[int]string `flyte:"a"`
		}{}, "string keys"},
		{"pointer to pointer", struct {
			A **int `flyte:"a"`
		}{}, "use one *"},
		{"embedded with a tag", struct {
			Shared `flyte:"a"`
		}{}, "embedded"},
		{"embedded, not exported", struct{ point }{}, "embedded"},
		{"embedded twice", struct {
			Shared
			Other int64 `flyte:"count"`
		}{}, `variable "count" is already the name of field`},
		{"id in struct", struct {
			A struct {
				Deep []struct{ ID int64 }
			} `flyte:"a"`
		}{}, "Deep[].ID: 64-bit integers lose digits"},
		{"blob in struct", struct {
			A struct{ F Blob } `flyte:"a"`
		}{}, "does not see a blob inside a struct"},
		{"func in struct", struct {
			A struct{ F func() } `flyte:"a"`
		}{}, "has no place in a struct"},
		{"recursion", struct {
			A selfish `flyte:"a"`
		}{}, "holds itself"},
		{"marshals itself", struct {
			A struct{ T textual } `flyte:"a"`
		}{}, "marshals itself"},
		{"time in struct", struct {
			A struct{ T time.Time } `flyte:"a"`
		}{}, "JSON has no time.Time"},
		{"union in struct", struct {
			A struct{ S source } `flyte:"a"`
		}{}, "is a union"},
		{"union of one", struct {
			A struct {
				OneOf
				X *string `flyte:"x"`
			} `flyte:"a"`
		}{}, "at least two variants"},
		{"union of values", struct {
			A struct {
				OneOf
				X string `flyte:"x"`
			} `flyte:"a"`
		}{}, "a union's variants are pointers: use *string"},
		{"union of unions", struct {
			A struct {
				OneOf
				X *[]source `flyte:"x"`
			} `flyte:"a"`
		}{}, "a union inside a union"},
		{"alike lists", struct {
			A struct {
				OneOf
				X *[]string  `flyte:"x"`
				Y *[]float64 `flyte:"y"`
			} `flyte:"a"`
		}{}, "variants x (list<string>) and y (list<float>) can't be told apart"},
		{"alike text", struct {
			A struct {
				OneOf
				X *string `flyte:"x"`
				Y *engine `flyte:"y"`
			} `flyte:"a"`
		}{}, "can't be told apart"},
		{"alike files", struct {
			A struct {
				OneOf
				X *Blob      `flyte:"x"`
				Y *Directory `flyte:"y"`
			} `flyte:"a"`
		}{}, "can't be told apart"},
		{"alike structs", struct {
			A struct {
				OneOf
				X *point             `flyte:"x"`
				Y *struct{ B int32 } `flyte:"y"`
			} `flyte:"a"`
		}{}, "can't be told apart"},
		{"empty enum", struct {
			A emptyEnum `flyte:"a"`
		}{}, "FlyteEnum names no values"},
		{"enum of ints", struct {
			A intEnum `flyte:"a"`
		}{}, "is not a string"},
		{"column type", struct {
			A StructuredDataset `flyte:"a,columns=x:int"`
		}{}, `column "x" has type "int": use integer`},
		{"columns of a blob", struct {
			A Blob `flyte:"a,columns=x:integer"`
		}{}, "belongs to a literal.StructuredDataset"},
		{"json string", struct {
			A struct {
				N int `json:"n,string"`
			} `flyte:"a"`
		}{}, "hides the type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Fields(reflect.TypeOf(tt.v))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Forms in which clients and the engine write what a declaration allows.
func TestDecodeForms(t *testing.T) {
	pack, err := msgpack.Marshal(map[string]any{"x": 200.0, "n": 7.0})
	if err != nil {
		t.Fatal(err)
	}
	binary := &core.Literal{Value: &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_Binary{
		Binary: &core.Binary{Value: pack, Tag: "msgpack"},
	}}}}
	var p point
	if err := Decode(binary, &p); err != nil || p.X != 200 || p.N != 7 {
		t.Errorf("struct from flytectl: %v, %v", p, err)
	}

	for _, tt := range []struct{ name, text string }{
		{"bare none in a list", `collection{literals{scalar{primitive{integer:1}}} literals{scalar{none_type{}}}}`},
		{"unions", `collection{literals{scalar{union{value{scalar{primitive{integer:1}}} type{simple:INTEGER}}}}
			literals{scalar{union{value{scalar{none_type{}}} type{simple:NONE}}}}}`},
	} {
		l := &core.Literal{}
		if err := prototext.Unmarshal([]byte(tt.text), l); err != nil {
			t.Fatal(err)
		}
		var got []*int64
		if err := Decode(l, &got); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if d := cmp.Diff([]*int64{ptr(int64(1)), nil}, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	var b struct {
		F Blob `flyte:"f,format=fits"`
	}
	m := &core.LiteralMap{}
	if err := prototext.Unmarshal([]byte(`literals{key:"f" value{scalar{blob{uri:"s3://b/x" metadata{type{}}}}}}`), m); err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(m, &b); err != nil || b.F != (Blob{URI: "s3://b/x", Format: "fits"}) {
		t.Errorf("blob without a format: %v, %v", b, err)
	}
}

func TestUnmarshalErrors(t *testing.T) {
	type in struct {
		N    int8              `flyte:"n"`
		Rows [][]float64       `flyte:"rows"`
		F    Blob              `flyte:"f,format=fits"`
		P    point             `flyte:"p"`
		O    *string           `flyte:"o"`
		Q    point             `flyte:"q"`
		E    engine            `flyte:"e"`
		D    Directory         `flyte:"d"`
		T    time.Time         `flyte:"t"`
		W    time.Duration     `flyte:"w"`
		S    source            `flyte:"s"`
		U    source            `flyte:"u"`
		V    StructuredDataset `flyte:"v,columns=a:float"`
	}
	m := &core.LiteralMap{}
	text := `
		literals{key:"n" value{scalar{primitive{integer:300}}}}
		literals{key:"rows" value{collection{literals{collection{literals{scalar{primitive{string_value:"secret"}}}}}}}}
		literals{key:"f" value{scalar{blob{uri:"s3://b/x" metadata{type{format:"json"}}}}}}
		literals{key:"p" value{scalar{generic{fields{key:"nope" value{number_value:1}}}}}}
		literals{key:"q" value{scalar{generic{fields{key:"n" value{number_value:1.5}}}}}}
		literals{key:"e" value{scalar{primitive{string_value:"secret"}}}}
		literals{key:"d" value{scalar{blob{uri:"s3://b/x" metadata{type{}}}}}}
		literals{key:"t" value{scalar{primitive{datetime{seconds:-99999999999}}}}}
		literals{key:"w" value{scalar{primitive{duration{seconds:99999999999}}}}}
		literals{key:"s" value{scalar{union{value{scalar{primitive{integer:1}}} type{simple:INTEGER structure{tag:"int"}}}}}}
		literals{key:"u" value{scalar{primitive{integer:1}}}}
		literals{key:"v" value{scalar{structured_dataset{uri:"u" metadata{structured_dataset_type{columns{name:"a" literal_type{simple:STRING}}}}}}}}
		literals{key:"zzz" value{}}`
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	err := Unmarshal(m, &in{})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"n: 300 does not fit int8", "rows[0][0]: want float, got a string", `f: s3://b/x has format "json", the variable takes "fits"`,
		`p: literal.point: json: unknown field "nope"`, "q: literal.point: json: cannot unmarshal number 1.5",
		`e: want one of ["shine" "mock"]`, "d: s3://b/x is a single file: give a multi-part blob", "t: the year is not", "w: a duration of 99999999999 seconds is beyond",
		"s: want blob(parquet) or dataset or string or list<optional float>", "u.text: want string, got an integer", "v: u: the table has no column a of type float",
		"zzz: no such variable (there are n, rows, f, p, o, q",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Error("the message quotes a value")
	}
	if err := Unmarshal(nil, &in{}); err == nil || !strings.Contains(err.Error(), "n: missing (integer)") || strings.Contains(err.Error(), "o: missing") {
		t.Errorf("missing inputs: %v", err)
	}
}

func TestMarshalErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"blob without URI", struct {
			F []Blob `flyte:"f"`
		}{[]Blob{{}}}, "f[0]: a blob without a URI"},
		{"blob of another format", struct {
			F Blob `flyte:"f,format=fits"`
		}{Blob{URI: "s3://x", Format: "json"}}, `f: the blob s3://x has format "json", the variable takes "fits"`},
		{"no enum", struct {
			E []engine `flyte:"e"`
		}{[]engine{""}}, `e[0]: "" is no literal.engine: it is one of ["shine" "mock"]`},
		{"no enum in a struct", struct {
			P struct{ E map[string][]engine } `flyte:"p"`
		}{struct{ E map[string][]engine }{map[string][]engine{"a": {"tpu"}}}}, `E: ["a"]: [0]: want one of ["shine" "mock"]`},
		{"year 10000", struct {
			T time.Time `flyte:"t"`
		}{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "t: the year is not from 1 to 9999"},
		{"union of none", struct {
			S source `flyte:"s"`
		}{}, "s: 0 variants are set: set one of table, set, text"},
		{"union of two", struct {
			S source `flyte:"s"`
		}{source{Text: ptr(""), Took: ptr(time.Second)}}, "s: 2 variants are set"},
		{"directory without URI", struct {
			D Directory `flyte:"d"`
		}{}, "d: a multi-part blob without a URI"},
		{"table without a column", struct {
			T StructuredDataset `flyte:"t,columns=ra:float"`
		}{StructuredDataset{URI: "x", Columns: []Column{{"ra", "integer"}}}}, "t: x: the table has no column ra of type float"},
		{"NaN in a struct", struct {
			P point `flyte:"p"`
		}{point{X: math.NaN()}}, "p: encode literal.point: json: unsupported value: NaN"},
		{"large int in a struct", struct {
			P struct{ N int } `flyte:"p"`
		}{struct{ N int }{1<<53 + 1}}, "p: encode struct { N int }: N: 9007199254740993 loses digits"},
	} {
		if _, err := Marshal(tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestBinding(t *testing.T) {
	m, err := Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	got := Binding(m.Literals["some"])
	want := &core.BindingData{}
	text := `collection{
		bindings{collection{
			bindings{scalar{union{value{scalar{blob{uri:"s3://b/1" metadata{type{format:"json"}}}}} type{blob{format:"json"} structure{tag:"FlyteFilePath"}}}}}
			bindings{scalar{union{value{scalar{none_type{}}} type{simple:NONE structure{tag:"none"}}}}}}}
		bindings{collection{}}}`
	if err := prototext.Unmarshal([]byte(text), want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Error(d)
	}
}

func TestResolve(t *testing.T) {
	m := &core.LiteralMap{}
	text := `literals{key:"a" value{collection{literals{offloaded_metadata{uri:"u" size_bytes:9}}}}}`
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	whole, err := Encode([]string{"x", "y"})
	if err != nil {
		t.Fatal(err)
	}
	if err := Resolve(m, func(string) ([]byte, error) { return marshalLiteral(whole), nil }); err != nil {
		t.Fatal(err)
	}
	var got struct {
		A [][]string `flyte:"a"`
	}
	if err := Unmarshal(m, &got); err != nil || len(got.A) != 1 || len(got.A[0]) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	loop := &core.LiteralMap{}
	_ = prototext.Unmarshal([]byte(text), loop)
	err = Resolve(loop, func(string) ([]byte, error) {
		return marshalLiteral(loop.Literals["a"].GetCollection().Literals[0]), nil
	})
	if err == nil || !strings.Contains(err.Error(), "a: [0]: u holds no literal") {
		t.Errorf("a literal that points to itself: %v", err)
	}
}

func TestParseJSON(t *testing.T) {
	type in struct {
		Text   string                      `flyte:"text"`
		IDs    []int64                     `flyte:"ids"`
		File   Blob                        `flyte:"file,format=fits"`
		Point  point                       `flyte:"point"`
		Maybe  *bool                       `flyte:"maybe"`
		When   time.Time                   `flyte:"when"`
		Took   map[string][]*time.Duration `flyte:"took"`
		Table  *StructuredDataset          `flyte:"table"`
		Either []source                    `flyte:"either"`
	}
	fields, err := Fields(reflect.TypeFor[in]())
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseJSON(fields, []byte(`{"text":"a","ids":[9007199254740993],"file":"x.fits","point":{"x":1},
		"when":"2027-01-02T03:04:05.5+01:00","took":{"a":["1h30m",null]},"table":"t/","either":[{"took":"2s"},{"table":"a.parquet"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got in
	if err := Unmarshal(m, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(in{Text: "a", IDs: []int64{1<<53 + 1}, File: Blob{URI: "x.fits", Format: "fits"}, Point: point{X: 1},
		When: time.Date(2027, 1, 2, 2, 4, 5, 5e8, time.UTC), Took: map[string][]*time.Duration{"a": {ptr(90 * time.Minute), nil}},
		Table: &StructuredDataset{URI: "t/"}, Either: []source{{Took: ptr(2 * time.Second)}, {Table: &Blob{URI: "a.parquet", Format: "parquet"}}}}, got); d != "" {
		t.Error(d)
	}
	if m, err := ParseJSON(fields, []byte(`{"literals":{"text":{"scalar":{"primitive":{"stringValue":"b"}}}}}`)); err != nil || len(m.Literals) != 1 {
		t.Errorf("protobuf's JSON: %v, %v", m, err)
	}
	_, err = ParseJSON(fields, []byte(`{"text":1,"point":{"y":1},"what":1,"ids":[null],"took":{"a":[1]},"either":[{"x":1}],"table":{"uri":"x"}}`))
	for _, want := range []string{"text: want string", `point: want struct: json: unknown field "y"`, "what: no such variable",
		"ids: want list<integer>: [0]: null", `took: want map<list<optional duration>>: ["a"]: [0]: json`, `"x" is no variant: there are table, set`, "table: want optional dataset: json"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// TestFormatJSON: what is printed is what a person would write.
func TestFormatJSON(t *testing.T) {
	type out struct {
		Zeta   int64                      `flyte:"zeta"`
		File   Blob                       `flyte:"file,format=fits"`
		Maybe  *bool                      `flyte:"maybe"`
		Point  point                      `flyte:"point"`
		Ratios []float64                  `flyte:"ratios"`
		Took   map[string][]time.Duration `flyte:"took"`
		Either source                     `flyte:"either"`
	}
	fields, err := Fields(reflect.TypeFor[out]())
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "zeta": 9007199254740993,
  "file": "s3://b/a.fits?x=1&y=<2>",
  "maybe": null,
  "point": {
    "x": 1.5,
    "n": 0
  },
  "ratios": [
    0.1,
    "NaN",
    "Infinity",
    "-Infinity"
  ],
  "took": {
    "a": [
      "1h30m0s"
    ]
  },
  "either": {
    "text": "t"
  }
}
`
	m, err := Marshal(out{1<<53 + 1, Blob{URI: "s3://b/a.fits?x=1&y=<2>", Hash: "h"}, nil, point{X: 1.5}, []float64{0.1, math.NaN(), math.Inf(1), math.Inf(-1)},
		map[string][]time.Duration{"a": {90 * time.Minute}}, source{Text: ptr("t")}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := FormatJSON(fields, m)
	if d := cmp.Diff(want, string(text)); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	if back, err := ParseJSON(fields, text); err != nil || back.Literals["ratios"].GetCollection().Literals[3].GetScalar().GetPrimitive().GetFloatValue() != math.Inf(-1) {
		t.Errorf("%v, %v", back, err)
	}
	if _, err := ParseJSON(fields, []byte(`{"ratios":["1.5"]}`)); err == nil || !strings.Contains(err.Error(), `"1.5" is neither a number`) {
		t.Errorf("a number in quotes: %v", err)
	}
	delete(m.Literals, "zeta")
	if _, err := FormatJSON(fields, m); err == nil {
		t.Error("an output that is missing was printed")
	}
}

func TestAccepts(t *testing.T) {
	typ := func(v any) *core.LiteralType {
		l, err := TypeOf(reflect.TypeOf(v))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, tt := range []struct {
		dst, src any
		want     bool
	}{
		{int64(0), int64(0), true}, {int64(0), 0.0, false}, {"", int64(0), false},
		{[][]*Blob{}, [][]Blob{}, true}, {[][]Blob{}, [][]*Blob{}, false}, {[][]*Blob{}, []*Blob{}, false},
		{ptr(""), "", true}, {"", ptr(""), false}, {ptr(""), ptr(""), true}, {ptr(""), ptr(int64(0)), false},
		{map[string]*bool{}, map[string]bool{}, true}, {point{}, point{}, true}, {point{}, Blob{}, false}, {Blob{}, point{}, false},
		{point{}, struct{ B int32 }{}, false}, {engine(""), engine(""), true}, {engine(""), "", true}, {"", engine(""), true}, {engine(""), int64(0), false},
		{Directory{}, Directory{}, true}, {Directory{}, Blob{}, false}, {StructuredDataset{}, StructuredDataset{}, true}, {StructuredDataset{}, Blob{}, false},
		{source{}, "", true}, {source{}, StructuredDataset{}, true}, {source{}, Directory{}, false}, {source{}, int64(0), false}, {source{}, source{}, true}, {&source{}, source{}, true}, {source{}, &source{}, false},
		{time.Time{}, time.Time{}, true}, {time.Time{}, time.Duration(0), false}, {time.Duration(0), int64(0), false},
	} {
		if got := Accepts(typ(tt.dst), typ(tt.src)); got != tt.want {
			t.Errorf("%T from %T: %v", tt.dst, tt.src, got)
		}
	}
}

// Shared is what several interfaces have.
type Shared struct {
	Count int64  `flyte:"count"`
	Name  string `flyte:"name"`
}

// What is embedded counts as the struct's own.
func TestEmbedded(t *testing.T) {
	type outer struct {
		First string `flyte:"first"`
		Shared
		Last *int64 `flyte:"last"`
	}
	in := outer{First: "a", Shared: Shared{Count: 3, Name: "b"}}
	m, err := Marshal(in)
	if err != nil || len(m.Literals) != 4 || m.Literals["count"].GetScalar().GetPrimitive().GetInteger() != 3 {
		t.Fatalf("%v, %v", m, err)
	}
	var out outer
	if err := Unmarshal(m, &out); err != nil || out != in {
		t.Errorf("%+v, %v", out, err)
	}
	fields, err := Fields(reflect.TypeFor[outer]())
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	if want := []string{"first", "count", "name", "last"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("fields %v, %v, want %v", names, err, want)
	}
}
