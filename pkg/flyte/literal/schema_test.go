package literal

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/validators"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
)

// TestSchema holds a struct's schema to what FlyteConsole's launch form takes
// (StructInput.tsx): exactly one definition; no anyOf in it, whose list its
// rendering makes an object; no null, which it makes one too.
func TestSchema(t *testing.T) {
	l, err := TypeOf(reflect.TypeFor[settings]())
	if err != nil {
		t.Fatal(err)
	}
	definitions := l.GetMetadata().GetFields()["definitions"].GetStructValue().GetFields()
	if len(definitions) != 1 {
		t.Fatalf("%d definitions", len(definitions))
	}
	text, err := json.Marshal(definitions["settings"].GetStructValue().AsMap())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"additionalProperties":false,"properties":{` +
		`"depth":{"type":"integer"},"engine":{"enum":["shine","mock"],"type":"string"},` +
		`"inner":{"additionalProperties":false,"properties":{"deep":{"items":{"type":"number"},"type":"array"}},"required":["deep"],"title":"inner","type":"object"},` +
		`"label":{"type":"string"},"limit":{"type":"integer"},"names":{"items":{"type":"string"},"type":"array"},` +
		`"scale":{"description":"of everything","type":"number"},"tags":{"additionalProperties":{"type":"integer"},"type":"object"}},` +
		`"required":["depth","engine","inner","label","scale","tags"],"title":"settings","type":"object"}`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Error(d)
	}
	if slices.ContainsFunc(walk(definitions["settings"]), func(v *structpb.Value) bool {
		_, null := v.GetKind().(*structpb.Value_NullValue)
		return null
	}) {
		t.Error("the form's schema has a null")
	}
}

func walk(v *structpb.Value) []*structpb.Value {
	all := []*structpb.Value{v}
	for _, e := range v.GetListValue().GetValues() {
		all = append(all, walk(e)...)
	}
	for _, e := range v.GetStructValue().GetFields() {
		all = append(all, walk(e)...)
	}
	return all
}

// TestEngineCasts: what [Accepts] lets through, the engine's compiler does.
func TestEngineCasts(t *testing.T) {
	fields, err := Fields(reflect.TypeFor[everything]())
	if err != nil {
		t.Fatal(err)
	}
	extra, err := Fields(reflect.TypeFor[flytekitCases]())
	if err != nil {
		t.Fatal(err)
	}
	fields = append(fields, extra...)
	accepted := 0
	for _, dst := range fields {
		if !Accepts(dst.Type, dst.Type) {
			t.Errorf("%s does not go into itself", TypeName(dst.Type))
		}
		for _, src := range fields {
			if !Accepts(dst.Type, src.Type) {
				continue
			}
			accepted++
			if !validators.AreTypesCastable(src.Type, dst.Type) {
				t.Errorf("the engine refuses %s (%s) for %s (%s)", src.Name, TypeName(src.Type), dst.Name, TypeName(dst.Type))
			}
		}
	}
	t.Logf("%d of %d pairs accepted", accepted, len(fields)*len(fields))
}
