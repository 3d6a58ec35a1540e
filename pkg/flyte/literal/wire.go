package literal

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// MaxFile bounds the files of literals that are read, in bytes: the engine
	// keeps to 10 MB of its own, or a list of them offloaded.
	MaxFile = 64 << 20
	// maxParts is what serialized literals may be made of whatever their length,
	// and perPart the bytes that each further part has on average: one takes some
	// hundred in memory, and two in a file.
	maxParts, perPart = 300_000, 20
)

// mostParts is what so many bytes may be made of.
func mostParts(size int) int { return maxParts + size/perPart }

// FromWire decodes a message that somebody else serialized, once it is known that
// it takes no more memory than its length lets one expect.
func FromWire(raw []byte, m proto.Message) error {
	left := maxParts
	return fromWire(raw, m, &left)
}

// fromWire is FromWire of one of several messages, which share the parts that are left.
func fromWire(raw []byte, m proto.Message, parts *int) error {
	most := *parts + len(raw)/perPart
	left := most
	if err := count(raw, m.ProtoReflect().Descriptor(), &left, protowire.DefaultRecursionLimit); err != nil {
		return err
	}
	if left < 0 {
		return fmt.Errorf("it has more than %d parts in %d bytes", most, len(raw))
	}
	*parts = min(*parts, left)
	return proto.Unmarshal(raw, m)
}

// count takes a message, and those that it holds, from what is left; where
// nothing is, it ends.
func count(raw []byte, d protoreflect.MessageDescriptor, left *int, depth int) error {
	if *left--; depth < 0 {
		return fmt.Errorf("it is nested deeper than %d times", protowire.DefaultRecursionLimit)
	}
	for len(raw) > 0 && *left >= 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return protowire.ParseError(n)
		}
		raw = raw[n:]
		if n = protowire.ConsumeFieldValue(number, kind, raw); n < 0 {
			return protowire.ParseError(n)
		}
		if f := d.Fields().ByNumber(number); kind == protowire.BytesType && f != nil && f.Message() != nil {
			held, _ := protowire.ConsumeBytes(raw)
			if err := count(held, f.Message(), left, depth-1); err != nil {
				return err
			}
		}
		raw = raw[n:]
	}
	return nil
}
