package workflows_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
	"github.com/cosmostat/constellation/workflows"
)

// These tests hold what is registered to the rules of FlyteConsole 1.16.8's
// forms and pages, as they were seen there. No console runs in them.

// jsTrim is what the form compares a text with, by ECMAScript's list.
func jsTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return strings.ContainsRune("\t\n\v\f\r\u2028\u2029\ufeff", r) || unicode.Is(unicode.Zs, r)
	})
}

// unsendable says why the form for an input of this value would not launch.
func unsendable(l *core.Literal, required bool) string {
	switch v := l.GetValue().(type) {
	case *core.Literal_Collection:
		for i, e := range v.Collection.GetLiterals() {
			if why := unsendable(e, false); why != "" {
				return fmt.Sprintf("[%d]: %s", i, why)
			}
		}
	case *core.Literal_Map:
		for key, e := range v.Map.GetLiterals() {
			if why := unsendable(e, false); why != "" {
				return fmt.Sprintf("[%q]: %s", key, why)
			}
		}
	case *core.Literal_Scalar:
		switch s := v.Scalar.GetValue().(type) {
		case *core.Scalar_Binary:
			return "a binary value has no form"
		case *core.Scalar_Union:
			return unsendable(s.Union.GetValue(), false)
		case *core.Scalar_Primitive:
			text, is := s.Primitive.GetValue().(*core.Primitive_StringValue)
			switch {
			case !is:
			case jsTrim(text.StringValue) != text.StringValue:
				return fmt.Sprintf("a text that begins or ends in blanks: %q", text.StringValue)
			case required && text.StringValue == "":
				return "an empty text for what is required"
			}
		}
	}
	return ""
}

// crashes says why the form for an input of this type can't be shown.
func crashes(t *core.LiteralType, list bool) string {
	switch t := t.GetType().(type) {
	case *core.LiteralType_Simple:
		if t.Simple == core.SimpleType_BINARY || t.Simple == core.SimpleType_ERROR {
			return "there is no form for " + t.Simple.String()
		}
	case *core.LiteralType_CollectionType:
		return crashes(t.CollectionType, true)
	case *core.LiteralType_MapValueType:
		return crashes(t.MapValueType, list)
	case *core.LiteralType_UnionType:
		for _, v := range t.UnionType.GetVariants() {
			if list && v.GetMapValueType() != nil {
				return "a list of unions with a map in them"
			}
			if why := crashes(v, list); why != "" {
				return why
			}
		}
	}
	return ""
}

// packaged builds everything with a configuration as `package --config` does.
func packaged(t *testing.T, text string) []*spec.Bundle {
	t.Helper()
	s := workflows.DefaultSettings()
	s.ConfigYAML = resolve.Sent(text)
	bundles, err := workflows.Build(s, spec.Options{Image: "example/constellation:v1", Images: map[string]string{"shine": "example/shine:v1"}})
	if err != nil {
		t.Fatal(err)
	}
	return bundles
}

// TestConsoleDefaults: every plan can be launched as it stands.
func TestConsoleDefaults(t *testing.T) {
	presets := 0
	for _, text := range []string{"", "field_name: EDFS\nengine: mock\n", "engine: mock\n", "\n\n  field_name: EDFS\n  engine: mock\n\n", "gal:\n  note: |\n    text\n\n"} {
		for _, b := range append(build(t), packaged(t, text)...) {
			for _, p := range b.Plans {
				for name, in := range p.GetSpec().GetDefaultInputs().GetParameters() {
					if why := unsendable(in.GetDefault(), in.GetRequired()); why != "" {
						t.Errorf("plan %s, %s: %s", p.GetId().GetName(), name, why)
					}
					if why := crashes(in.GetVar().GetType(), false); why != "" {
						t.Errorf("plan %s, %s: %s", p.GetId().GetName(), name, why)
					}
					if name == "config_yaml" && in.GetDefault() != nil {
						presets++
					}
				}
				for name, l := range p.GetSpec().GetFixedInputs().GetLiterals() {
					if why := unsendable(l, true); why != "" {
						t.Errorf("plan %s, fixed %s: %s", p.GetId().GetName(), name, why)
					}
				}
			}
		}
	}
	if presets < 5*5 {
		t.Errorf("%d presets were looked at", presets)
	}
}

// TestConsoleTasks: every task has a form, and what workflows give a task as a
// constant can be sent again from there.
func TestConsoleTasks(t *testing.T) {
	for _, b := range build(t) {
		for _, s := range b.Tasks {
			id := s.GetTemplate().GetId().GetName()
			for name, v := range s.GetTemplate().GetInterface().GetInputs().GetVariables() {
				if strings.HasSuffix(id, "_map") {
					continue // says that it is not to be launched alone
				}
				if why := crashes(v.GetType(), false); why != "" {
					t.Errorf("task %s, %s: %s", id, name, why)
				}
			}
		}
		for _, w := range append([]*core.WorkflowTemplate{b.Workflow.GetTemplate()}, b.Workflow.GetSubWorkflows()...) {
			for _, n := range w.GetNodes() {
				for _, in := range n.GetInputs() {
					if v := in.GetBinding().GetScalar(); v != nil {
						l := &core.Literal{Value: &core.Literal_Scalar{Scalar: v}}
						if why := unsendable(l, true); why != "" {
							t.Errorf("workflow %s, node %s, %s: %s", w.GetId().GetName(), n.GetId(), in.GetVar(), why)
						}
					}
				}
			}
		}
	}
}

// markup is what shows as signs where Markdown is not rendered, or is swallowed where it is.
var markup = regexp.MustCompile("[*`<>]|__|(?m)^(#|- |> |\\d+\\. )|\\]\\(")

// TestConsoleDescriptions: they read well with and without Markdown, and tell
// the twins of a task apart.
func TestConsoleDescriptions(t *testing.T) {
	check := func(name string, d *admin.DescriptionEntity) {
		t.Helper()
		long, short := d.GetLongDescription().GetValue(), d.GetShortDescription()
		if found := markup.FindString(long); found != "" {
			t.Errorf("%s has the markup %q: %s", name, found, long)
		}
		if markup.MatchString(short) || short == "" || len(short) > 255 || !utf8.ValidString(short) || strings.Contains(short, "\n") {
			t.Errorf("%s: short description %q", name, short)
		}
		if len(long) > 4096 || strings.HasSuffix(long, "...") {
			t.Errorf("%s: its description is cut after %d bytes", name, len(long))
		}
		for _, line := range strings.Split(long, "\n") {
			if line != "" && !strings.HasSuffix(line, ".") {
				t.Errorf("%s: %q runs into the next sentence where line breaks are lost", name, line)
			}
		}
	}
	twins := 0
	for _, b := range append(build(t), packaged(t, "engine: mock\n")...) {
		check(b.Workflow.GetTemplate().GetId().GetName(), b.Workflow.GetDescription())
		for _, s := range b.Tasks {
			name, short := s.GetTemplate().GetId().GetName(), s.GetDescription().GetShortDescription()
			check(name, s.GetDescription())
			one, isMap := strings.CutSuffix(name, "_map")
			if isMap != strings.Contains(short, "Not to be launched alone") || isMap && !strings.Contains(short, "launch "+one+" for one element") {
				t.Errorf("%s: %q", name, short)
			}
			if of, is := strings.CutSuffix(one, "_cpu"); is && !isMap {
				twins++
				if !strings.Contains(short, "The same as "+of+", with other resources.") {
					t.Errorf("%s: %q", name, short)
				}
			}
		}
	}
	if twins == 0 {
		t.Error("no twin was looked at")
	}
}
