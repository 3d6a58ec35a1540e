package remote

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

// Register puts a bundle's tasks, workflow and launch plans into the project
// under a version. What is there already, and the same, is left alone; the same
// version with other content is refused.
func (c *Client) Register(ctx context.Context, b *spec.Bundle, version string) error {
	for _, t := range b.Tasks {
		t := c.filled(t, version).(*admin.TaskSpec)
		_, err := c.Admin.CreateTask(ctx, &admin.TaskCreateRequest{Id: t.GetTemplate().GetId(), Spec: t})
		if err := registered(t.GetTemplate().GetId(), err); err != nil {
			return err
		}
	}
	w := c.filled(b.Workflow, version).(*admin.WorkflowSpec)
	_, err := c.Admin.CreateWorkflow(ctx, &admin.WorkflowCreateRequest{Id: w.GetTemplate().GetId(), Spec: w})
	if err := registered(w.GetTemplate().GetId(), err); err != nil {
		return err
	}
	for _, p := range b.Plans {
		p := c.filled(p, version).(*admin.LaunchPlan)
		_, err := c.Admin.CreateLaunchPlan(ctx, &admin.LaunchPlanCreateRequest{Id: p.GetId(), Spec: p.GetSpec()})
		if err := registered(p.GetId(), err); err != nil {
			return err
		}
	}
	return nil
}

func registered(id *core.Identifier, err error) error {
	if err == nil || status.Code(err) == codes.AlreadyExists {
		return nil // FlyteAdmin says so only of what is identical
	}
	var e *fault.Error
	if errors.As(err, &e) && status.Code(err) == codes.InvalidArgument {
		e.Fix("what was registered under version %s can't be changed: give another version", id.GetVersion())
	}
	return fmt.Errorf("register %s %s: %w", id.GetResourceType(), id.GetName(), err)
}

// filled is a copy of a message whose identifiers are complete.
func (c *Client) filled(m proto.Message, version string) proto.Message {
	m = proto.Clone(m)
	complete(m.ProtoReflect(), func(id *core.Identifier) {
		id.Project, id.Domain, id.Version = c.Project, c.Domain, version
	})
	return m
}

// complete visits every identifier of a message that has a name and no version.
func complete(m protoreflect.Message, fill func(*core.Identifier)) {
	if id, ok := m.Interface().(*core.Identifier); ok {
		if id.GetName() != "" && id.GetVersion() == "" {
			fill(id)
		}
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool {
				complete(e.Message(), fill)
				return true
			})
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				complete(v.List().Get(i).Message(), fill)
			}
		case f.Message() != nil && !f.IsMap() && !f.IsList():
			complete(v.Message(), fill)
		}
		return true
	})
}
