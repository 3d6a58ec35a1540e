package config

import (
	"fmt"
	"math/big"
	"strconv"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v4"

	"github.com/cosmostat/constellation/pkg/settings"
)

// IDs is a list of tile ids; All stands for every tile of the bucket.
type IDs struct {
	All  bool
	List []int64
}

// fromYAML takes a list of integers, one integer, or the word all.
func (t *IDs) fromYAML(n *yaml.Node) error {
	*t = IDs{}
	items, isList := list(n)
	if word, ok := text(n); ok && word == "all" {
		t.All = true
		return nil
	}
	if !isList {
		items = []*yaml.Node{n}
	}
	given := make(map[int64]bool, len(items))
	for _, item := range items {
		id, ok := integer(item)
		if !ok || id <= 0 {
			return invalid(item, "%s is not a tile id (use a list of positive integers, or: all)", written(item))
		}
		if given[id] {
			return invalid(item, "tile id %d is given twice", id)
		}
		given[id] = true
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
func shape(s *settings.Shape, n *yaml.Node) error {
	items, ok := list(n)
	if !ok || len(items) != 2 {
		return invalid(n, "must be two integers, rows and columns, such as [4, 4]")
	}
	for i, into := range []*int{&s.Rows, &s.Cols} {
		v, ok := integer(items[i])
		if *into = int(v); !ok || int64(*into) != v {
			return invalid(items[i], "%s is not an integer (use two, such as [4, 4])", written(items[i]))
		}
	}
	return nil
}

// region takes a mapping of one of the three, or null.
func region(r *settings.Region, n *yaml.Node) error {
	*r = settings.Region{}
	if isNull(n) {
		return nil
	}
	const choices = "use one of cone: [ra, dec, radius], box: [ra_min, ra_max, dec_min, dec_max], polygon: [[ra, dec], ...], in degrees"
	if !isMapping(n) {
		return invalid(n, "must be one shape (%s)", choices)
	}
	all, err := entries(n)
	if err != nil {
		return err
	}
	if len(all) != 1 {
		return invalid(n, "must be one shape (%s)", choices)
	}
	key, value := all[0].key.Value, all[0].value
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
		corners, ok := list(value)
		if !ok || len(corners) < 3 {
			return invalid(value, "a polygon has three or more corners, such as [[57, -52], [60, -52], [58, -50]]")
		}
		for _, corner := range corners {
			at, err := numbers(corner, "RA and Dec", 2)
			if err != nil {
				return err
			}
			r.Polygon = append(r.Polygon, at)
		}
	default:
		err = invalid(all[0].key, "unknown shape %s (%s)", key, choices)
	}
	return err
}

// numbers decodes a list of n finite numbers.
func numbers(n *yaml.Node, what string, count int) ([]float64, error) {
	items, ok := list(n)
	if !ok || len(items) != count {
		return nil, invalid(n, "must be %d numbers: %s, in degrees", count, what)
	}
	out := make([]float64, count)
	for i, item := range items {
		if out[i], ok = number(item); !ok {
			return nil, invalid(item, "%s is not a number", written(item))
		}
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

// fromYAML takes a count or a fraction, as a text too.
func (l *Limit) fromYAML(n *yaml.Node) error {
	s, ok := scalar(n)
	if *l = Limit(s); !ok {
		return invalid(n, "%s is neither a count nor a fraction below 1", written(n))
	}
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
	down, _, err := l.of(total)
	return down, err
}

// Among is how many of a part of the set may be missing, such as a tile's
// exposures. A fraction is rounded up: how many others are missing isn't known there.
func (l Limit) Among(part int) (int, error) {
	_, up, err := l.of(part)
	return up, err
}

// of is the limit of a total, rounded down and up from what it is in decimals:
// 0.29 of 100 is 29, and in binary it would be less.
func (l Limit) of(total int) (down, up int, err error) {
	if s := string(l); decimals.MatchString(s) {
		if n, err := strconv.Atoi(s); err == nil && n >= 0 {
			return n, n, nil
		}
	}
	f, err := strconv.ParseFloat(string(l), 64)
	if err != nil || !reals.MatchString(string(l)) || !(f >= 0 && f < 1) || len(l) > longestFraction {
		return 0, 0, fmt.Errorf("%q is neither a count nor a fraction below 1", string(l))
	}
	if f == 0 {
		return 0, 0, nil
	}
	exact, ok := new(big.Rat).SetString(string(l))
	if !ok {
		return 0, 0, fmt.Errorf("%q is neither a count nor a fraction below 1", string(l))
	}
	exact.Mul(exact, new(big.Rat).SetInt64(int64(total)))
	whole, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	down = int(whole.Int64())
	return down, down + rest.Sign(), nil
}

// longestFraction is more than what a float64 takes to be exact.
const longestFraction = 400

// Sample is which sub-tiles something is kept of: all, failed or none of them,
// or a fraction beside those that failed ("0.01").
type Sample string

const sampleAll Sample = "all"

// fromYAML takes a sample, or true for all and false for none.
func (s *Sample) fromYAML(n *yaml.Node) error {
	word, ok := scalar(n)
	switch *s = Sample(word); {
	case word == "true":
		*s = sampleAll
	case word == "false":
		*s = "none"
	case word == "all", word == "failed", word == "none":
	default:
		if f, err := strconv.ParseFloat(word, 64); !ok || err != nil || !reals.MatchString(word) || !(f > 0 && f < 1) {
			return invalid(n, "%s is not all, failed, none or a fraction below 1", written(n))
		}
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

// JSONSchema describes the type to editors.
func (Section) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object"}
}

// valueError is a complaint of a value's own decoder, with its place.
type valueError struct {
	node    *yaml.Node
	message string
}

func (e *valueError) Error() string { return e.message }

func invalid(n *yaml.Node, format string, a ...any) error {
	return &valueError{n, fmt.Sprintf(format, a...)}
}
