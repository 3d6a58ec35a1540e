package task

import (
	"encoding/base64"
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// closureField is the field of a template's custom that holds a closure.
const closureField = "closure"

// Closure is what a dynamic task multiplies, as its template's custom carries
// it: a job with one prototype node per branch (the node's id is the branch's
// name, its target the branch's workflow or launch plan), the templates of all tasks and the
// workflows that these need. Ids have no project, domain or version: the
// running task fills in its own, so that a closure goes where its task goes.
type Closure struct{ Job *core.DynamicJobSpec }

// Custom encodes a closure for a template.
func (c Closure) Custom() (*structpb.Struct, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.Job)
	if err != nil {
		return nil, fmt.Errorf("encode the closure: %w", err)
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		closureField: structpb.NewStringValue(base64.StdEncoding.EncodeToString(raw)),
	}}, nil
}

// ReadClosure decodes the closure in a template's custom.
func ReadClosure(custom *structpb.Struct) (Closure, error) {
	text, ok := custom.GetFields()[closureField].GetKind().(*structpb.Value_StringValue)
	if !ok {
		return Closure{}, fmt.Errorf("the template's custom has no text in %q: it was not built by this kit's workflow builder", closureField)
	}
	raw, err := base64.StdEncoding.DecodeString(text.StringValue)
	if err != nil {
		return Closure{}, fmt.Errorf("decode custom.%s: %w", closureField, err)
	}
	job := &core.DynamicJobSpec{}
	if err := literal.FromWire(raw, job); err != nil {
		return Closure{}, fmt.Errorf("decode custom.%s: %w", closureField, err)
	}
	return Closure{job}, nil
}
