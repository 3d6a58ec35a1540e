package literal

import (
	"fmt"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// Resolve puts offloaded literals back in their places. The engine offloads a
// large list (10 MB by default) that an array node gave: the variable then
// holds the URI of a file with the serialized literal.
func Resolve(m *core.LiteralMap, read func(uri string) ([]byte, error)) error {
	for name, l := range m.GetLiterals() {
		resolved, err := resolve(l, read)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.Literals[name] = resolved
	}
	return nil
}

func resolve(l *core.Literal, read func(uri string) ([]byte, error)) (*core.Literal, error) {
	switch v := l.GetValue().(type) {
	case *core.Literal_Collection:
		for i, e := range v.Collection.GetLiterals() {
			resolved, err := resolve(e, read)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			v.Collection.Literals[i] = resolved
		}
	case *core.Literal_Map:
		return l, Resolve(v.Map, read)
	case *core.Literal_Scalar:
		if u := v.Scalar.GetUnion(); u != nil {
			var err error
			if u.Value, err = resolve(u.GetValue(), read); err != nil {
				return nil, err
			}
		}
	case *core.Literal_OffloadedMetadata:
		uri := v.OffloadedMetadata.GetUri()
		raw, err := read(uri)
		if err != nil {
			return nil, err
		}
		whole := &core.Literal{}
		if err := proto.Unmarshal(raw, whole); err != nil {
			return nil, fmt.Errorf("%s does not hold a literal: %w", uri, err)
		}
		// A literal that points on is not what the engine writes, and following it might not end.
		if _, again := whole.GetValue().(*core.Literal_OffloadedMetadata); again {
			return nil, fmt.Errorf("%s holds no literal, but points to another file", uri)
		}
		return whole, nil
	}
	return l, nil
}
