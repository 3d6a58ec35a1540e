package literal

import (
	"math"
	"testing"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
)

func marshalLiteral(m proto.Message) []byte {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return raw
}

// FuzzRoundTrip holds the codec to its promise: what was encoded comes back, also
// through the wire.
func FuzzRoundTrip(f *testing.F) {
	f.Add("text", int64(1), int8(-1), 0.5, true, "s3://b/k", uint8(3))
	f.Add("", int64(-1<<63), int8(127), math.Copysign(0, -1), false, "", uint8(0))
	f.Fuzz(func(t *testing.T, text string, count int64, small int8, ratio float64, yes bool, uri string, n uint8) {
		want := full()
		want.Text, want.Kind, want.Count, want.Small, want.Ratio, want.Yes = text, kindOfThing(text), count, small, ratio, yes
		want.File = Blob{URI: uri, Format: "parquet", Hash: text}
		want.Point.X = ratio
		want.IDs, want.Nested, want.Some = make([]int64, n), make([][]string, 0), make([][]*Blob, n%5)
		for i := range want.Some {
			want.Some[i] = []*Blob{nil, {URI: uri, Format: "json"}}[:i%3%2+1]
		}
		want.ByName = map[string]float64{text: ratio}
		want.When, want.Took = time.Unix(count%1e9, int64(n)).UTC(), []time.Duration{time.Duration(count)}
		want.Source = source{Text: &text}
		if yes {
			want.Source = source{Many: &[]*float64{&ratio, nil}}
		}
		want.Dirs = &Directory{URI: uri, Hash: text}
		if !yes {
			want.Maybe = nil
		}
		m, err := Marshal(want)
		if err != nil {
			return // an empty URI, NaN in a struct: refused, which other tests look at
		}
		raw, err := proto.Marshal(m)
		if err != nil {
			return // text that is not UTF-8 has no protobuf string
		}
		back := &core.LiteralMap{}
		if err := proto.Unmarshal(raw, back); err != nil {
			t.Fatal(err)
		}
		var got everything
		if err := Unmarshal(back, &got); err != nil {
			t.Fatal(err)
		}
		nan := cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })
		if d := cmp.Diff(want, got, nan); d != "" {
			t.Error(d)
		}
	})
}

// FuzzUnmarshal feeds arbitrary bytes: an error, never a panic; and what was
// accepted can be encoded again.
func FuzzUnmarshal(f *testing.F) {
	m, err := Marshal(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(marshalLiteral(m))
	for name := range m.Literals { // one variable of a wrong kind each
		broken := proto.Clone(m).(*core.LiteralMap)
		broken.Literals[name] = m.Literals["some"]
		f.Add(marshalLiteral(broken))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &core.LiteralMap{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		_ = Resolve(m, func(string) ([]byte, error) { return raw, nil })
		var v everything
		if err := Unmarshal(m, &v); err != nil {
			_ = err.Error()
			return
		}
		if _, err := Marshal(v); err != nil {
			t.Errorf("accepted, and can't be encoded: %v", err)
		}
	})
}
