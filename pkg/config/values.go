package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"

	"github.com/cosmostat/constellation/pkg/settings"
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
	} else if n.GetToken().Value == "all" { // quoted in JSON
		t.All = true
		return nil
	}
	for _, item := range items {
		id, err := strconv.ParseInt(item.String(), 10, 64)
		if err != nil || id <= 0 {
			return invalid(item, "%s is not a tile id (use a list of positive integers, or: all)", item)
		}
		if slices.Contains(t.List, id) {
			return invalid(item, "tile id %d is given twice", id)
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

// shape takes exactly two integers.
func shape(s *settings.Shape, n ast.Node) error {
	seq, ok := n.(*ast.SequenceNode)
	if !ok || len(seq.Values) != 2 {
		return invalid(n, "must be two integers, rows and columns, such as [4, 4]")
	}
	for i, into := range []*int{&s.Rows, &s.Cols} {
		var err error
		if *into, err = strconv.Atoi(seq.Values[i].String()); err != nil {
			return invalid(seq.Values[i], "%s is not an integer (use two, such as [4, 4])", seq.Values[i])
		}
	}
	return nil
}

// region takes a mapping of one of the three, or null.
func region(r *settings.Region, n ast.Node) error {
	*r = settings.Region{}
	if n.Type() == ast.NullType {
		return nil
	}
	const choices = "use one of cone: [ra, dec, radius], box: [ra_min, ra_max, dec_min, dec_max], polygon: [[ra, dec], ...], in degrees"
	all := entries(n)
	if len(all) != 1 {
		return invalid(n, "must be one shape (%s)", choices)
	}
	key, value := keyOf(all[0]), all[0].Value
	var err error
	switch key {
	case "cone":
		if r.Cone, err = numbers(value, "RA, Dec and radius", 3); err == nil && !(r.Cone[2] > 0 && r.Cone[2] <= 180) {
			err = invalid(value, "a cone's radius is above 0 and at most 180 degrees, not %v", r.Cone[2])
		}
	case "box":
		if r.Box, err = numbers(value, "ra_min, ra_max, dec_min and dec_max", 4); err == nil && (r.Box[2] >= r.Box[3] || r.Box[0] == r.Box[1]) {
			err = invalid(value, "a box goes from ra_min eastward to another ra_max, and from dec_min up to dec_max")
		}
	case "polygon":
		seq, ok := value.(*ast.SequenceNode)
		if !ok || len(seq.Values) < 3 {
			return invalid(value, "a polygon has three or more corners, such as [[57, -52], [60, -52], [58, -50]]")
		}
		for _, corner := range seq.Values {
			at, err := numbers(corner, "RA and Dec", 2)
			if err != nil {
				return err
			}
			r.Polygon = append(r.Polygon, at)
		}
	default:
		err = invalid(all[0].Key, "unknown shape %s (%s)", key, choices)
	}
	return err
}

// numbers decodes a list of n finite numbers.
func numbers(n ast.Node, what string, count int) ([]float64, error) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok || len(seq.Values) != count {
		return nil, invalid(n, "must be %d numbers: %s, in degrees", count, what)
	}
	out := make([]float64, count)
	for i, item := range seq.Values {
		v, err := strconv.ParseFloat(item.String(), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, invalid(item, "%s is not a number", item)
		}
		out[i] = v
	}
	return out, nil
}

// regionSchema describes a region to editors.
func regionSchema() *jsonschema.Schema {
	number := &jsonschema.Schema{Type: "number"}
	list := func(n uint64) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "array", Items: number, MinItems: &n, MaxItems: &n}
	}
	shape := func(key, what string, value *jsonschema.Schema) *jsonschema.Schema {
		value.Description = what
		s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{key}, AdditionalProperties: jsonschema.FalseSchema}
		s.Properties.Set(key, value)
		return s
	}
	three := uint64(3)
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "null"},
		shape("cone", "ra, dec, radius in degrees", list(3)),
		shape("box", "ra_min, ra_max, dec_min, dec_max in degrees; over RA 0 where ra_max is the smaller", list(4)),
		shape("polygon", "corners: ra, dec in degrees", &jsonschema.Schema{Type: "array", Items: list(2), MinItems: &three}),
	}}
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

// Among is how many of a part of the set may be missing, such as a tile's
// exposures. A fraction is rounded up: how many others are missing isn't known there.
func (l Limit) Among(part int) (int, error) {
	n, err := l.Of(part)
	if f, bad := strconv.ParseFloat(string(l), 64); err == nil && bad == nil && f > 0 && f < 1 {
		n = int(math.Ceil(f * float64(part)))
	}
	return n, err
}

// Sample is which sub-tiles something is kept of: all, failed or none of them,
// or a fraction beside those that failed ("0.01").
type Sample string

const sampleAll Sample = "all"

// UnmarshalYAML takes a sample, or true for all and false for none.
func (s *Sample) UnmarshalYAML(n ast.Node) error {
	switch text := strings.Trim(n.String(), `"'`); text {
	case "true":
		*s = sampleAll
	case "false":
		*s = "none"
	case "all", "failed", "none":
		*s = Sample(text)
	default:
		if f, err := strconv.ParseFloat(text, 64); err != nil || !(f > 0 && f < 1) {
			return invalid(n, "%s is not all, failed, none or a fraction below 1", n)
		}
		*s = Sample(text)
	}
	return nil
}

// JSONSchema describes the type to editors.
func (Sample) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "boolean"},
		{Enum: []any{"all", "failed", "none"}},
		{Type: "number", ExclusiveMinimum: "0", ExclusiveMaximum: "1"},
	}}
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
