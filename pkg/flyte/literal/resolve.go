package literal

import (
	"fmt"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Resolve puts offloaded literals back in their places. The engine offloads a
// large list (10 MB by default) that an array node gave: the variable then
// holds the URI of a file with the serialized literal. All of them together have
// at most [MaxFile] bytes.
func Resolve(m *core.LiteralMap, read func(uri string) ([]byte, error)) error {
	return (&resolver{read, MaxFile, maxParts}).all(m)
}

// resolver is what is left to all files of a map.
type resolver struct {
	read         func(uri string) ([]byte, error)
	bytes, parts int
}

func (r *resolver) all(m *core.LiteralMap) error {
	for name, l := range m.GetLiterals() {
		resolved, err := r.resolve(l)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.Literals[name] = resolved
	}
	return nil
}

func (r *resolver) resolve(l *core.Literal) (*core.Literal, error) {
	switch v := l.GetValue().(type) {
	case *core.Literal_Collection:
		for i, e := range v.Collection.GetLiterals() {
			resolved, err := r.resolve(e)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			v.Collection.Literals[i] = resolved
		}
	case *core.Literal_Map:
		return l, r.all(v.Map)
	case *core.Literal_Scalar:
		if u := v.Scalar.GetUnion(); u != nil {
			var err error
			if u.Value, err = r.resolve(u.GetValue()); err != nil {
				return nil, err
			}
		}
	case *core.Literal_OffloadedMetadata:
		uri := v.OffloadedMetadata.GetUri()
		raw, err := r.read(uri)
		if err != nil {
			return nil, err
		}
		if r.bytes -= len(raw); r.bytes < 0 {
			return nil, fmt.Errorf("with %s the offloaded literals have more than %d bytes", uri, MaxFile)
		}
		whole := &core.Literal{}
		if err := fromWire(raw, whole, &r.parts); err != nil {
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
