package literal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/vmihailenco/msgpack/v5"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

func packedLiteral(raw []byte) *core.Literal {
	return scalar(&core.Scalar{Value: &core.Scalar_Binary{Binary: &core.Binary{Value: raw, Tag: "msgpack"}}})
}

// TestPackedRefused: what would take the process down, or be something else than
// was sent, is an error that says where.
func TestPackedRefused(t *testing.T) {
	const million = 1_000_000
	key := []byte{0x81, 0xa1, 'x'} // a map of one key, x
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"a million maps":             {append(bytes.Repeat(key, million), 0xc0), "deeper than 100 levels"},
		"a million lists":            {append(append([]byte{}, key...), bytes.Repeat([]byte{0x91}, million)...), "deeper than 100 levels"},
		"a million long maps":        {bytes.Repeat([]byte{0xde, 0, 1, 0xa1, 'x'}, million), "deeper than 100 levels"},
		"a million long lists":       {append(append([]byte{}, key...), bytes.Repeat([]byte{0xdd, 0, 0, 0, 1}, million)...), "deeper than 100 levels"},
		"maps as keys":               {bytes.Repeat([]byte{0x81}, million), "deeper than 100 levels"},
		"101 levels":                 {append(bytes.Repeat(key, 101), 0xc0), "deeper than 100 levels"},
		"a list of four billion":     {append(append([]byte{}, key...), 0xdd, 0xff, 0xff, 0xff, 0xff), "ends after 8 bytes"},
		"a map of four billion":      {[]byte{0xdf, 0xff, 0xff, 0xff, 0xff}, "ends after 5 bytes"},
		"a string of four gigabytes": {append(append([]byte{}, key...), 0xdb, 0xff, 0xff, 0xff, 0xff), "ends after 8 bytes"},
		"half a number":              {append(append([]byte{}, key...), 0xcb, 0), "ends after 5 bytes"},
		"half a length":              {append(append([]byte{}, key...), 0xda, 0), "ends after 5 bytes"},
		"no value":                   {key, "ends after 3 bytes"},
		"nothing":                    {nil, "ends after 0 bytes"},
		"more behind it":             {append(append([]byte{}, key...), 1, 2, 3), "2 bytes follow it"},
		"bytes":                      {append(append([]byte{}, key...), 0xc4, 1, 'a'), "byte 3: code 0xc4"},
		"a time":                     {append(append([]byte{}, key...), 0xd6, 0xff, 0, 0, 0, 0), "byte 3: code 0xd6"},
		"a code that is none":        {append(append([]byte{}, key...), 0xc1), "byte 3: code 0xc1"},
		"no map":                     {[]byte{0x93, 1, 2, 3}, "not a MessagePack map"},
		"a number":                   {[]byte{7}, "not a MessagePack map"},
		"a key that is a number":     {[]byte{0x81, 1, 2}, "not a MessagePack map"},
	} {
		t.Run(name, func(t *testing.T) {
			var p point
			if err := Decode(packedLiteral(c.raw), &p); err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}

// TestPackedSizes holds the walk to the library's own encoder, for every code it writes.
func TestPackedSizes(t *testing.T) {
	long := strings.Repeat("é", 40_000)
	wide := map[string]any{}
	for i := range 70_000 {
		wide[fmt.Sprint(i)] = i
	}
	values := []any{nil, true, false, 0, 31, 127, 128, 255, 256, 65535, 65536, 1 << 33, -1, -32, -33, -129, -40_000, -1 << 33, uint64(1) << 63, float32(1.5), 1.5,
		"", "x", long[:62], long[:64], long[:300], long, []any{}, []any{1, "a", nil}, make([]any, 15), make([]any, 16), make([]any, 70_000),
		map[string]any{}, map[string]any{"a": map[string]any{"b": []any{[]any{}, 1}}}, wide}
	for i, v := range values {
		raw, err := msgpack.Marshal(map[string]any{"v": v, "w": 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := checkPacked(raw); err != nil {
			t.Errorf("value %d: %v", i, err)
		}
		for _, cut := range []int{1, 2, 3} {
			if err := checkPacked(raw[:len(raw)-cut]); err == nil {
				t.Errorf("value %d: %d bytes less are no error", i, cut)
			}
		}
	}
}

// TestDeepLiterals: protobuf's own bound holds for every literal that nests.
func TestDeepLiterals(t *testing.T) {
	field := func(n protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), inner)
	}
	for name, wrap := range map[string]func([]byte) []byte{
		"lists":   func(b []byte) []byte { return field(2, field(1, b)) },
		"maps":    func(b []byte) []byte { return field(3, field(1, append(field(1, []byte("k")), field(2, b)...))) },
		"unions":  func(b []byte) []byte { return field(1, field(9, field(1, b))) },
		"structs": func(b []byte) []byte { return field(1, field(7, b)) },
	} {
		t.Run(name, func(t *testing.T) {
			var b []byte
			for range 6_000 { // at two messages a level: beyond 10,000
				b = wrap(b)
				if name == "structs" {
					break
				}
			}
			if name == "structs" {
				var v []byte // of values, each a list of one
				for range 6_000 {
					v = field(6, field(1, v))
				}
				b = wrap(field(1, append(field(1, []byte("x")), field(2, v)...)))
			}
			raw := field(1, append(field(1, []byte("value")), field(2, b)...))
			if err := proto.Unmarshal(raw, &core.LiteralMap{}); err == nil || !strings.Contains(err.Error(), "recursion depth") {
				t.Errorf("%v", err)
			}
		})
	}
	// By hand: JSON has a bound, too.
	fields, err := Fields(reflect.TypeOf(struct {
		P point `flyte:"p"`
	}{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseJSON(fields, []byte(`{"p": `+strings.Repeat(`{"x":`, 1_000_000))); err == nil {
		t.Error("a million levels of JSON are no error")
	}
	// What is as deep as protobuf lets through is refused in words.
	v := structpb.NewNullValue()
	for range 3_000 {
		v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
	}
	l := scalar(&core.Scalar{Value: &core.Scalar_Generic{Generic: &structpb.Struct{Fields: map[string]*structpb.Value{"x": v}}}})
	var p point
	if err := Decode(l, &p); err == nil || len(err.Error()) > 300 {
		t.Errorf("%v", err)
	}
	if _, err := json.Marshal(p); err != nil {
		t.Fatal(err)
	}
}
