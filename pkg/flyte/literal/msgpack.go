package literal

import (
	"encoding/binary"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth is how deep a struct may nest. No Go type that has a literal comes
// near it, and the decoder, which follows what it reads, has no bound of its own.
const maxDepth = 100

// unpack reads a MessagePack map that is nothing but JSON: one map, with nothing
// behind it, not nested beyond all bounds, and without bytes and extensions.
func unpack(raw []byte) (map[string]any, error) {
	if err := checkPacked(raw); err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := msgpack.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	return fields, nil
}

// checkPacked walks over a value without recursion. left has, for each map or
// list that is open, how many values it lacks.
func checkPacked(raw []byte) error {
	at, left := 0, []uint64{1}
	parts, most := 0, mostParts(len(raw))
	for len(left) > 0 {
		last := len(left) - 1
		if left[last] == 0 {
			left = left[:last]
			continue
		}
		left[last]--
		if parts++; parts > most {
			return fmt.Errorf("byte %d: it has more than %d parts in %d bytes", at, most, len(raw))
		}
		if at >= len(raw) {
			return fmt.Errorf("it ends after %d bytes, before its last value does", len(raw))
		}
		size, values, err := packed(raw[at:])
		if err != nil {
			return fmt.Errorf("byte %d: %w", at, err)
		}
		if size > uint64(len(raw)-at) || values > uint64(len(raw)-at) { // each value takes a byte
			return fmt.Errorf("byte %d: it ends after %d bytes, before its last value does", at, len(raw))
		}
		at += int(size)
		if values == 0 {
			continue
		}
		if left = append(left, values); len(left) > maxDepth {
			return fmt.Errorf("byte %d: it nests deeper than %d levels", at, maxDepth)
		}
	}
	if at < len(raw) {
		return fmt.Errorf("%d bytes follow it", len(raw)-at)
	}
	return nil
}

// packed is how many bytes a value takes without the values that it holds, and
// how many those are; a map holds two for each of its keys.
func packed(b []byte) (size, values uint64, err error) {
	c := b[0]
	number := func(width int) uint64 { // the big-endian number behind the code
		var whole [8]byte
		if len(b) > width {
			copy(whole[8-width:], b[1:1+width])
			return binary.BigEndian.Uint64(whole[:])
		}
		return 1 << 40 // longer than what there is
	}
	switch {
	case msgpcode.IsFixedNum(c), c == msgpcode.Nil, c == msgpcode.False, c == msgpcode.True:
		return 1, 0, nil
	case msgpcode.IsFixedMap(c):
		return 1, 2 * uint64(c&msgpcode.FixedMapMask), nil
	case msgpcode.IsFixedArray(c):
		return 1, uint64(c & msgpcode.FixedArrayMask), nil
	case msgpcode.IsFixedString(c):
		return 1 + uint64(c&msgpcode.FixedStrMask), 0, nil
	}
	switch c {
	case msgpcode.Uint8, msgpcode.Int8:
		return 2, 0, nil
	case msgpcode.Uint16, msgpcode.Int16:
		return 3, 0, nil
	case msgpcode.Uint32, msgpcode.Int32, msgpcode.Float:
		return 5, 0, nil
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		return 9, 0, nil
	case msgpcode.Str8:
		return 2 + number(1), 0, nil
	case msgpcode.Str16:
		return 3 + number(2), 0, nil
	case msgpcode.Str32:
		return 5 + number(4), 0, nil
	case msgpcode.Array16:
		return 3, number(2), nil
	case msgpcode.Array32:
		return 5, number(4), nil
	case msgpcode.Map16:
		return 3, 2 * number(2), nil
	case msgpcode.Map32:
		return 5, 2 * number(4), nil
	}
	return 0, 0, fmt.Errorf("code 0x%02x is bytes, an extension or none, which JSON has no place for", c)
}
