package literal

import (
	"bytes"
	"strings"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// Parts are far larger in memory than in a file: what has far more of them than
// its length allows is not decoded.
func TestFromWire(t *testing.T) {
	list := func(n int) []byte {
		c := &core.LiteralCollection{}
		for range n {
			c.Literals = append(c.Literals, &core.Literal{})
		}
		return marshalLiteral(&core.LiteralMap{Literals: map[string]*core.Literal{"a": {Value: &core.Literal_Collection{Collection: c}}}})
	}
	for name, test := range map[string]struct {
		raw  []byte
		says string
	}{
		"nothing":        {nil, ""},
		"a list":         {list(1000), ""},
		"a long list":    {list(300_000), ""},
		"too long":       {list(400_000), "more than 340000 parts"},
		"no message":     {[]byte("\x0a\xff"), "EOF"},
		"another's":      {[]byte("\xff\xff\xff"), "EOF"},
		"unknown fields": {bytes.Repeat([]byte("\x7a\x00"), 1_000_000), ""},
	} {
		m, want := &core.LiteralMap{}, &core.LiteralMap{}
		err := FromWire(test.raw, m)
		switch {
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)), test.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case err == nil && (proto.Unmarshal(test.raw, want) != nil || !proto.Equal(want, m)):
			t.Errorf("%s: it is not what protobuf makes of it", name)
		}
	}
}

// Files that are named again and again are none that may be read again and again.
func TestResolveIsBounded(t *testing.T) {
	many := func(n int) *core.LiteralMap {
		c := &core.LiteralCollection{}
		for range n {
			c.Literals = append(c.Literals, &core.Literal{Value: &core.Literal_OffloadedMetadata{OffloadedMetadata: &core.LiteralOffloadedMetadata{Uri: "s3://b/k"}}})
		}
		return &core.LiteralMap{Literals: map[string]*core.Literal{"a": {Value: &core.Literal_Collection{Collection: c}}}}
	}
	text := marshalLiteral(&core.Literal{Hash: strings.Repeat("x", 1<<20)})
	parts := bytes.Repeat([]byte("\x12\x02\x0a\x00"), 10_000)
	for name, test := range map[string]struct {
		n    int
		file []byte
		says string
	}{
		"few": {10, text, ""}, "bytes": {100, text, "more than 67108864 bytes"}, "parts": {50, parts, "more than"}, "fewer parts": {10, parts, ""},
	} {
		err := Resolve(many(test.n), func(string) ([]byte, error) { return test.file, nil })
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of a thousand variables that nobody declares a few are named.
func TestExtraVariables(t *testing.T) {
	m := &core.LiteralMap{Literals: map[string]*core.Literal{}}
	for i := range 1000 {
		m.Literals[strings.Repeat("x", i+1)] = &core.Literal{}
	}
	if err := Unmarshal(m, &struct{}{}); err == nil || strings.Count(err.Error(), "\n") > 30 || !strings.HasSuffix(err.Error(), "and 980 more that don't exist") {
		t.Error(err)
	}
}
