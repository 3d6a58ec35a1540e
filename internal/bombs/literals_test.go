package bombs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// inputs are of a stage that takes everything.
type inputs struct {
	List   []string            `flyte:"list" doc:"texts"`
	Lists  [][]int64           `flyte:"lists" doc:"numbers"`
	ByName map[string]int64    `flyte:"by_name" doc:"numbers by name"`
	Struct map[string]settings `flyte:"structs" doc:"settings by name"`
}

type settings struct {
	X    float64        `json:"x"`
	List []int32        `json:"list"`
	Many map[string]int `json:"many"`
	Deep [][][]float64  `json:"deep"`
}

// field is a field of bytes, by its number.
func field(number int, value ...[]byte) []byte {
	all := bytes.Join(value, nil)
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number)<<3|2), uint64(len(all))), all...)
}

// variable is a map of literals with one of a name.
func variable(name string, value ...[]byte) []byte {
	return field(1, field(1, []byte(name)), field(2, value...))
}

func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Input("InputsUnreadable", "%.300s", err).Fix("as task.readInputs says")
}

// literals are read as a stage reads its inputs.
func literals(raw []byte) error {
	m := &core.LiteralMap{}
	err := literal.FromWire(raw, m)
	if err == nil {
		err = literal.Resolve(m, func(string) ([]byte, error) { return raw, nil })
	}
	if err == nil {
		err = literal.Unmarshal(m, &inputs{})
	}
	return unreadable(err)
}

func byHand(raw []byte) error {
	fields, err := literal.Fields(reflect.TypeFor[inputs]())
	if err == nil {
		var m *core.LiteralMap
		if m, err = literal.ParseJSON(fields, raw); err == nil {
			err = literal.Unmarshal(m, &inputs{})
		}
	}
	return unreadable(err)
}

func TestLiterals(t *testing.T) {
	const n = mostBytes - 1000
	const collection, mapping, scalar = 2, 3, 1
	named := func(size int, value ...[]byte) []byte { // an entry each, of names that differ
		v := field(2, value...)
		var b []byte
		for i := 0; len(b) < size; i++ {
			b = append(b, field(1, field(1, fmt.Appendf(nil, "%06x", i)), v)...)
		}
		return b
	}
	nested := func(levels int, of func([]byte) []byte) []byte {
		var b []byte
		for range levels {
			b = of(b)
		}
		return b
	}
	within := n / 25 // of so many the number is within bounds
	explode(t, []bomb{
		{"empties", func() []byte { return variable("list", field(collection, times(n/2, "\x0a\x00"))) }, literals},
		{"empties within bounds", func() []byte {
			return variable("list", field(collection, times(within+250_000, "\x0a\x00"), field(77, make([]byte, n-2*within-600_000))))
		}, literals},
		{"lists", func() []byte { return variable("lists", field(collection, times(n/4, "\x0a\x02\x12\x00"))) }, literals},
		{"numbers", func() []byte {
			return variable("list", field(collection, times(n/8, "\x0a\x06\x0a\x04\x0a\x02\x08\x01")))
		}, literals},
		{"names", func() []byte { return variable("by_name", field(mapping, named(n))) }, literals},
		{"names within bounds", func() []byte {
			return variable("by_name", field(mapping, named(4_500_000), field(77, make([]byte, 5_500_000))))
		}, literals},
		{"variables", func() []byte { return named(n) }, literals},
		{"variables within bounds", func() []byte { return append(named(4_500_000), field(77, make([]byte, 5_500_000))...) }, literals},
		{"one name", func() []byte { return bytes.Repeat(variable("list", field(collection, []byte("\x0a\x00"))), n/14) }, literals},
		{"values of a struct", func() []byte {
			return variable("structs", field(mapping, field(1, field(2, field(scalar, field(7, field(1, field(1, []byte("list")), field(2, field(6, times(n/2-100, "\x0a\x00"))))))))))
		}, literals},
		{"values within bounds", func() []byte {
			return variable("structs", field(mapping, field(1, field(2, field(scalar, field(7, field(1, field(1, []byte("list")), field(2, field(6, times(500_000, "\x0a\x02\x08\x00"), field(77, make([]byte, 7_000_000)))))))))))
		}, literals},
		{"nested unions", func() []byte {
			return variable("list", nested(2000, func(b []byte) []byte { return field(scalar, field(10, field(1, b))) }))
		}, literals},
		{"nested lists", func() []byte {
			return variable("lists", nested(2000, func(b []byte) []byte { return field(collection, field(1, b)) }))
		}, literals},
		{"offloaded to itself", func() []byte { return variable("list", field(8, field(1, []byte("x")))) }, literals},
		{"a length that isn't there", func() []byte { return []byte("\x0a\xff\xff\xff\xff\x07") }, literals},
		{"json, elements", func() []byte { return []byte(`{"list": [` + string(times(n/3, `"",`)) + `""]}`) }, byHand},
		{"json, lists", func() []byte {
			return []byte(`{"lists": [` + string(times(650_000, `[],`)) + `[]` + string(times(8_000_000, " ")) + `]}`)
		}, byHand},
		{"json, depth", func() []byte { return []byte(`{"lists": ` + string(times(n, `[`))) }, byHand},
		{"json, texts", func() []byte {
			return []byte(`{"list": [` + string(times(500_000, `"0123456789",`)) + `""]` + string(times(3_500_000, " ")) + `}`)
		}, byHand},
		{"json, literals", func() []byte {
			return []byte(`{"literals": {"lists": {"collection": {"literals": [` + string(times(600_000, `{},`)) + `{}` + string(times(7_000_000, " ")) + `]}}}}`)
		}, byHand},
		{"json, variables", func() []byte {
			b := []byte("{")
			for i := 0; len(b) < n-20; i++ {
				b = fmt.Appendf(b, `"%08x":"0123456",`, i)
			}
			return append(b, `"x":1}`...)
		}, byHand},
	})
}

// packed is a scalar that holds MessagePack.
func packed(value ...string) []byte {
	var all [][]byte
	for _, v := range value {
		all = append(all, []byte(v))
	}
	return field(3, field(1, all...), field(2, []byte("msgpack")))
}

func TestMessagePack(t *testing.T) {
	const n = mostBytes - 1000
	of := func(value ...string) func() []byte {
		return func() []byte {
			return variable("structs", field(3, field(1, field(1, []byte("a")), field(2, field(1, packed(value...))))))
		}
	}
	count := func(i uint32) string { return string(binary.BigEndian.AppendUint32(nil, i)) }
	repeat := func(n int, s string) string { return string(times(n, s)) }
	names := func() string {
		var b []byte
		for i := range uint32(800_000) {
			b = append(binary.BigEndian.AppendUint32(append(b, 0xa4), 'a'<<24|i), 0)
		}
		return string(b)
	}
	explode(t, []bomb{
		{"array promised", of("\x81\xa4list\xdd\xff\xff\xff\xff"), literals},
		{"map promised", of("\xdf\xff\xff\xff\xff"), literals},
		{"text promised", of("\x81\xdb\xff\xff\xff\xff"), literals},
		{"bytes", of("\x81\xa4list\xc6\xff\xff\xff\xff"), literals},
		{"extension", of("\x81\xa4list\xc9\xff\xff\xff\xff\x00"), literals},
		{"zeros", of("\x81\xa4list\xdd"+count(n-40), repeat(n-40, "\x00")), literals},
		{"nulls", of("\x81\xa4list\xdd"+count(n-40), repeat(n-40, "\xc0")), literals},
		{"maps", of("\x81\xa4list\xdd"+count(n-40), repeat(n-40, "\x80")), literals},
		{"maps within bounds", of("\x82\xa1x\xda\xff\xff", repeat(65535, "x"), "\xa4deep\xdd"+count(300_000), repeat(300_000, "\x80")), literals},
		{"arrays within bounds", of("\x82\xa1x\xdb"+count(9_000_000), repeat(9_000_000, "x"), "\xa4deep\xdd"+count(700_000), repeat(700_000, "\x90")), literals},
		{"names", of("\x81\xa4many\xdf"+count(800_000), names()), literals},
		{"names within bounds", of("\x82\xa1x\xdb"+count(5_000_000), repeat(5_000_000, "x"), "\xa4many\xdf"+count(270_000), names()[:270_000*6]), literals},
		{"depth", of(repeat(n, "\x91")), literals},
		{"text", of("\x81\xa1x\xdb"+count(n-100), repeat(n-100, "\x01")), literals},
	})
}
