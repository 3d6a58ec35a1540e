package literal

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"
	"google.golang.org/protobuf/proto"
)

// generator fills values of any type that has a literal.
type generator struct{ *rand.Rand }

func (g generator) text() string {
	return []string{"", "a", "grüße", "s3://b/k", "{{.input}}", "1.0", "\x00"}[g.IntN(7)]
}

func (g generator) fill(v reflect.Value, h hint) {
	switch t := v.Type(); {
	case isReference(t):
		v.FieldByName("URI").SetString(fmt.Sprintf("s3://b/%d", g.IntN(100)))
		v.FieldByName("Hash").SetString(g.text())
		v.FieldByName("Format").SetString([]string{h.format, h.format + "parquet"}[g.IntN(2)])
		if h.format != "" {
			v.FieldByName("Format").SetString(h.format)
		}
		if t == datasetType {
			v.FieldByName("Columns").Set(reflect.ValueOf(append([]Column{{"x", "list<integer>"}}, h.columns...)))
		}
	case t == timeType:
		v.Set(reflect.ValueOf(time.Unix(g.Int64N(3e11)-6e10, g.Int64N(1e9)).UTC()))
	case isUnion(t):
		fields, _ := variants(t)
		f := fields[g.IntN(len(fields))]
		v.FieldByIndex(f.Index).Set(reflect.New(f.Go.Elem()))
		g.fill(v.FieldByIndex(f.Index).Elem(), f.hint)
	case t.Kind() == reflect.Pointer:
		if g.IntN(3) > 0 {
			v.Set(reflect.New(t.Elem()))
			g.fill(v.Elem(), h)
		}
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, g.IntN(4), 4))
		for i := range v.Len() {
			g.fill(v.Index(i), h)
		}
	case t.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range g.IntN(4) {
			elem := reflect.New(t.Elem()).Elem()
			g.fill(elem, h)
			v.SetMapIndex(reflect.ValueOf(g.text()), elem)
		}
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			g.fill(v.Field(i), hint{})
		}
	case t.Kind() == reflect.String:
		v.SetString(g.text())
		if values, is, _ := enumValues(t); is {
			v.SetString(values[g.IntN(len(values))])
		}
	case t.Kind() == reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case t.Kind() == reflect.Float64:
		v.SetFloat(g.NormFloat64())
	default:
		v.SetInt(int64(g.Uint64()) >> (64 - t.Bits() + g.IntN(t.Bits())))
	}
}

// TestRoundTripProperty: whatever is encoded comes back through the wire, of
// every kind of type; and what was damaged on the way is refused or decodes to
// something that can be encoded, and never panics.
func TestRoundTripProperty(t *testing.T) {
	fields, err := Fields(reflect.TypeFor[everything]())
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for seed := range uint64(150) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		var want, got everything
		for _, f := range fields {
			g.fill(reflect.ValueOf(&want).Elem().FieldByIndex(f.Index), f.hint)
		}
		m, err := Marshal(want)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		raw := marshalLiteral(m)
		back := &core.LiteralMap{}
		if err := proto.Unmarshal(raw, back); err != nil {
			t.Fatal(err)
		}
		if err := Unmarshal(back, &got); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		// JSON's omitempty leaves an empty map out.
		if d := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Tags" }, cmpopts.EquateEmpty())); d != "" {
			t.Fatalf("seed %d:\n%s", seed, d)
		}
		checkByHand(t, seed, fields, m, want)
		raw[g.IntN(len(raw))] ^= byte(1 << g.IntN(8))
		var damaged everything
		if proto.Unmarshal(raw, back) != nil || Unmarshal(back, &damaged) != nil {
			refused++
		} else if _, err := Marshal(damaged); err != nil {
			t.Errorf("seed %d: accepted, and can't be encoded: %v", seed, err)
		}
	}
	t.Logf("%d of 150 damaged ones were refused", refused)
}

// checkByHand prints literals, reads what was printed, and wants the same values,
// but for what people leave out.
func checkByHand(t *testing.T, seed uint64, fields []Field, m *core.LiteralMap, want everything) {
	t.Helper()
	text, err := FormatJSON(fields, m)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	back, err := ParseJSON(fields, text)
	if err != nil {
		t.Fatalf("seed %d: what was printed isn't read: %v\n%s", seed, err, text)
	}
	var got everything
	if err := Unmarshal(back, &got); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	leftOut := cmp.FilterPath(func(p cmp.Path) bool {
		name := p.Last().String()
		return name == ".Hash" || name == ".Format" || name == ".Columns"
	}, cmp.Ignore())
	nan := cmpopts.EquateNaNs()
	if d := cmp.Diff(want, got, leftOut, nan, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Tags" }, cmpopts.EquateEmpty())); d != "" {
		t.Fatalf("seed %d: %s\n%s", seed, d, text)
	}
}

// TestMsgpackInside: STRUCTs in MessagePack, flytectl's form, stand in lists, maps, optionals and unions too.
func TestMsgpackInside(t *testing.T) {
	type in struct {
		List  []point           `flyte:"list"`
		Map   map[string]*point `flyte:"map"`
		Union source            `flyte:"union"`
		Maybe *point            `flyte:"maybe"`
	}
	want := in{[]point{{X: 1.5}, {N: 2}}, map[string]*point{"a": {N: 3}, "b": nil}, source{Point: &point{X: -1}}, &point{X: 2}}
	m, err := Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	packed := 0
	var pack func(l *core.Literal)
	pack = func(l *core.Literal) {
		for _, e := range l.GetCollection().GetLiterals() {
			pack(e)
		}
		for _, e := range l.GetMap().GetLiterals() {
			pack(e)
		}
		if u := l.GetScalar().GetUnion(); u != nil {
			pack(u.GetValue())
		}
		if s := l.GetScalar().GetGeneric(); s != nil {
			raw, err := msgpack.Marshal(s.AsMap())
			if err != nil {
				t.Fatal(err)
			}
			l.Value = &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_Binary{Binary: &core.Binary{Value: raw, Tag: "msgpack"}}}}
			packed++
		}
	}
	for _, l := range m.GetLiterals() {
		pack(l)
	}
	var got in
	if err := Unmarshal(m, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" || packed != 5 {
		t.Errorf("%d packed: %s", packed, d)
	}
}

// TestOffloadedInside: the engine may offload what stands in a union.
func TestOffloadedInside(t *testing.T) {
	type in struct {
		Some *[]string `flyte:"some"`
	}
	m, err := Marshal(in{&[]string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	u := m.Literals["some"].GetScalar().GetUnion()
	raw := marshalLiteral(u.GetValue())
	u.Value = &core.Literal{Value: &core.Literal_OffloadedMetadata{OffloadedMetadata: &core.LiteralOffloadedMetadata{Uri: "u"}}}
	if err := Resolve(m, func(string) ([]byte, error) { return raw, nil }); err != nil {
		t.Fatal(err)
	}
	var got in
	if err := Unmarshal(m, &got); err != nil || len(*got.Some) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}
