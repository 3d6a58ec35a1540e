package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// IDs is a list of tile ids; All stands for every tile of the bucket.
type IDs struct {
	All  bool
	List []int64
}

// UnmarshalYAML takes a list of integers, one integer, or the word all.
func (t *IDs) UnmarshalYAML(n ast.Node) error {
	*t = IDs{}
	items := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		items = seq.Values
	} else if n.String() == "all" {
		t.All = true
		return nil
	}
	for _, item := range items {
		id, err := strconv.ParseInt(item.String(), 10, 64)
		if err != nil || id <= 0 {
			return invalid(item, "%s is not a tile id (use a list of positive integers, or: all)", item)
		}
		t.List = append(t.List, id)
	}
	return nil
}

// JSONSchema describes the type to editors.
func (IDs) JSONSchema() *jsonschema.Schema {
	id := &jsonschema.Schema{Type: "integer", Minimum: "1"}
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Const: "all"}, {Type: "array", Items: id}}}
}

// Grid is rows and columns of sub-tiles.
type Grid [2]int

// UnmarshalYAML takes exactly two integers.
func (g *Grid) UnmarshalYAML(n ast.Node) error {
	seq, ok := n.(*ast.SequenceNode)
	if !ok || len(seq.Values) != 2 {
		return invalid(n, "must be two integers, rows and columns, such as [4, 4]")
	}
	for i, item := range seq.Values {
		v, err := strconv.Atoi(item.String())
		if err != nil {
			return invalid(item, "%s is not an integer (use two, such as [4, 4])", item)
		}
		g[i] = v
	}
	return nil
}

// Limit is how many of a set may be missing: a count ("3") or a fraction of it ("0.01").
type Limit string

// UnmarshalYAML takes a count or a fraction.
func (l *Limit) UnmarshalYAML(n ast.Node) error {
	*l = Limit(strings.Trim(n.String(), `"'`))
	if _, err := l.Of(1); err != nil {
		return invalid(n, "%v", err)
	}
	return nil
}

// JSONSchema describes the type to editors.
func (Limit) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "number", Minimum: "0"}
}

// Of returns how many of total may be missing. A fraction is rounded down.
func (l Limit) Of(total int) (int, error) {
	if n, err := strconv.Atoi(string(l)); err == nil && n >= 0 {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(l), 64)
	if err != nil || !(f >= 0 && f < 1) {
		return 0, fmt.Errorf("%q is neither a count nor a fraction below 1", string(l))
	}
	return int(math.Floor(f * float64(total))), nil
}

// Section is the text of a section that is somebody else's, key and all, as it
// stands in the file, so that no number, comment or order changes on the way.
type Section string

// UnmarshalYAML leaves the section alone: [Load] cuts it out of the text.
func (*Section) UnmarshalYAML(ast.Node) error { return nil }

// JSONSchema describes the type to editors.
func (Section) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object"}
}

// valueError is a complaint of a value's own decoder, with its place.
type valueError struct {
	node    ast.Node
	message string
}

func (e *valueError) Error() string { return e.message }

func invalid(n ast.Node, format string, a ...any) error {
	return &valueError{n, fmt.Sprintf(format, a...)}
}
