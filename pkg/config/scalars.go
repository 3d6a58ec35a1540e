package config

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/cosmostat/constellation/pkg/settings"
)

// Scalars are read by the core schema of YAML 1.2 (10.3.2 of its specification),
// and never converted: 010 is ten, and 1_000, yes and "5" are texts. A key that
// takes a text takes it as it is written, whatever else it might be.

var (
	decimals = regexp.MustCompile(`^[-+]?[0-9]+$`)
	octals   = regexp.MustCompile(`^0o[0-7]+$`)
	hexes    = regexp.MustCompile(`^0x[0-9a-fA-F]+$`)
	reals    = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// isPlain says whether a scalar is written without quotes, and not as a block.
func isPlain(n *yaml.Node) bool {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Kind == yaml.ScalarNode && n.Style&quoted == 0
}

// tagged says whether a node has one of these tags, or none that was written.
func tagged(n *yaml.Node, tags ...string) bool {
	n = target(n)
	return n.Style&yaml.TaggedStyle == 0 || slices.Contains(tags, n.ShortTag())
}

func isNull(n *yaml.Node) bool {
	n = target(n)
	return isPlain(n) && tagged(n, "!!null") && slices.Contains([]string{"", "~", "null", "Null", "NULL"}, n.Value)
}

// text is a scalar as it is written. Null is none.
func text(n *yaml.Node) (string, bool) {
	n = target(n)
	ok := n.Kind == yaml.ScalarNode && tagged(n, "!!str") && (n.Style&yaml.TaggedStyle != 0 || !isNull(n))
	return n.Value, ok
}

// scalar is the text of what may be a number or a word of YAML's as well. Null is none.
func scalar(n *yaml.Node) (string, bool) {
	n = target(n)
	return n.Value, n.Kind == yaml.ScalarNode && tagged(n, "!!str", "!!int", "!!float", "!!bool") && !isNull(n)
}

// bare is the text of a plain scalar that may be a number or a word of YAML's.
func bare(n *yaml.Node, tags ...string) string {
	if n = target(n); !isPlain(n) || !tagged(n, tags...) {
		return ""
	}
	return n.Value
}

func integer(n *yaml.Node) (int64, bool) {
	s, base, from := bare(n, "!!int"), 10, 0
	switch {
	case octals.MatchString(s):
		base, from = 8, 2
	case hexes.MatchString(s):
		base, from = 16, 2
	case !decimals.MatchString(s):
		return 0, false
	}
	v, err := strconv.ParseInt(s[from:], base, 64)
	return v, err == nil
}

func number(n *yaml.Node) (float64, bool) {
	if s := bare(n, "!!float", "!!int"); reals.MatchString(s) {
		v, err := strconv.ParseFloat(s, 64)
		return v, err == nil
	}
	v, ok := integer(n)
	return float64(v), ok
}

func boolean(n *yaml.Node) (value, ok bool) {
	switch bare(n, "!!bool") {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// decoder is a type that is written in a form of its own.
type decoder interface{ fromYAML(n *yaml.Node) error }

// errType is the error of a value of another type than its key's.
var errType = &valueError{message: "another type"}

// decode sets one value; a pointer is nil for null, and so is a text where that is its default.
func decode(field reflect.Value, n *yaml.Node, optional bool) error {
	field.SetZero()
	switch into := field.Addr().Interface().(type) {
	case decoder:
		return into.fromYAML(n)
	case *settings.Region:
		return region(into, n)
	case *settings.Shape:
		return shape(into, n)
	case *settings.Release: // 01.00 is a number to YAML, and no number to us
		word, ok := scalar(n)
		if *into = settings.Release(word); !ok {
			return errType
		}
		return nil
	case *[]string:
		return texts(into, n)
	}
	ok := true
	switch field.Kind() {
	case reflect.Pointer:
		if isNull(n) {
			return nil
		}
		field.Set(reflect.New(field.Type().Elem()))
		return decode(field.Elem(), n, false)
	case reflect.String:
		if optional && isNull(n) {
			return nil
		}
		var s string
		s, ok = text(n)
		field.SetString(s)
	case reflect.Int:
		var v int64
		v, ok = integer(n)
		ok = ok && v >= math.MinInt && v <= math.MaxInt
		field.SetInt(v)
	case reflect.Float64:
		var v float64
		v, ok = number(n)
		field.SetFloat(v)
	case reflect.Bool:
		var v bool
		v, ok = boolean(n)
		field.SetBool(v)
	default:
		panic("config: no way to write a " + field.Type().String()) // a field that somebody added to Config
	}
	if !ok {
		return errType
	}
	return nil
}

// texts takes a list of texts, each as it is written.
func texts(into *[]string, n *yaml.Node) error {
	items, ok := list(n)
	if !ok {
		return errType
	}
	for _, item := range items {
		s, ok := text(item)
		if item = target(item); !ok && item.Kind == yaml.ScalarNode && item.Style&yaml.TaggedStyle == 0 && item.Value != "" {
			s, ok = item.Value, true // null and ~ are words as any others
		}
		if !ok {
			return invalid(item, "an entry must be a string, not %s (put it in quotes)", written(item))
		}
		*into = append(*into, s)
	}
	return nil
}

// list is what a sequence holds.
func list(n *yaml.Node) ([]*yaml.Node, bool) {
	n = target(n)
	return n.Content, n.Kind == yaml.SequenceNode && tagged(n, "!!seq")
}
