package columnar_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
)

// footer is a file of nothing but these bytes of metadata.
func footer(meta string) []byte {
	all := binary.LittleEndian.AppendUint32([]byte("PAR1"+meta), uint32(len(meta)))
	return append(all, "PAR1"...)
}

// What a footer says of itself is not believed, and what it has is bounded.
func TestFooters(t *testing.T) {
	const begin, root = "\x15\x02\x19", "\x48\x01s\x15\x00\x00"
	const rest = "\x16\x00\x19\x0c\x00"
	nested := func(n int) string {
		return strings.Repeat("\x48\x01g\x15\x02\x00", n) + "\x15\x02\x25\x00\x18\x01c\x00"
	}
	for name, test := range map[string]struct{ meta, says string }{
		"schema promised":   {begin + "\xfc\x80\xc2\xd7\x2f" + rest, "a list has 100000000 elements, and 5 bytes follow"},
		"groups promised":   {begin + "\x1c" + root + "\x16\x00\x19\xfc\xff\xff\xff\xff\x0f", "a list has 4294967295 elements"},
		"text promised":     {begin + "\x1c" + root + "\x16\x00\x19\x0c\x28\xff\xff\xff\xff\x0f", "lacks"},
		"columns":           {begin + "\xfc\xd1\x0f" + root + strings.Repeat(root, 2000) + rest, "schema had multiple nodes"},
		"too many columns":  {begin + "\xfc\x80\x40" + strings.Repeat(root, 8192) + rest, "8192 elements, at most 4096"},
		"a long name":       {begin + "\x1c\x48\xd0\x0f" + strings.Repeat("s", 2000) + "\x15\x00\x00" + rest, "has 2000 bytes, at most 1024"},
		"nested":            {begin + "\xfc\x0f" + nested(14) + rest, "no such column"},
		"nested too deep":   {begin + "\xfc\x64" + nested(99) + rest, "schema nests deeper than 16"},
		"structs":           {begin + "\x1c" + root + "\x16\x00\x19\x0c\x19\xfc\xa0\x8d\x06" + strings.Repeat("\x18\x00\x00", 100_000) + "\x00", "more parts"},
		"unknown structs":   {begin + "\x1c" + root + "\x16\x00\x19\x0c" + strings.Repeat("\x7c", 100), "nests deeper"},
		"unknown lists":     {begin + "\x1c" + root + "\x16\x00\x19\x0c\x79" + strings.Repeat("\x19", 100), "nests deeper"},
		"a map":             {begin + "\x1c" + root + "\x16\x00\x19\x0c\x7b\x01\x55\x00\x00\x00", "a map"},
		"no type":           {begin + "\x1c" + root + "\x16\x00\x19\x0c\x7e", "no type 14"},
		"without an end":    {begin + "\x1c" + root, "unexpected EOF"},
		"of other versions": {begin + "\x1c" + root + "\x16\x00\x19\x0c" + "\x71\x12\x13\xff\x16\x05\x17abcdefgh\x18\x02ab\x19\x23\x01\x02\x1d0123456789abcdef\x00\x40\x00", "no such column"},
	} {
		data := footer(test.meta)
		r := columnar.Reader[bulky]{Columns: bulkyColumns, Corrupt: "Corrupt", Missing: "Missing", Invalid: "Invalid"}
		err := r.Scan(bytes.NewReader(data), int64(len(data)), func([]bulky) error { return nil })
		if fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, data := range []string{"", "PAR1", "PAR1\x00\x00\x00\x00PAR1", "PAR1\xff\xff\xff\xffPAR1", "PAR1\x00\x00\x00\x00PARE", "PAR1\x01\x00\x00\x00PARE"} {
		r := columnar.Reader[bulky]{Columns: bulkyColumns, Corrupt: "Corrupt"}
		if err := r.Scan(strings.NewReader(data), int64(len(data)), func([]bulky) error { return nil }); fault.CodeOf(err) != "Corrupt" {
			t.Errorf("%q: %v", data, err)
		}
	}
}
