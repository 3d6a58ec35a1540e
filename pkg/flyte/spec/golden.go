package spec

import (
	"crypto/sha256"
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// Golden renders a bundle as text files by name, for committing beside the code
// and reading in reviews. A closure, which travels encoded inside its task, is a
// file of its own, and the task shows its checksum.
func Golden(b *Bundle) map[string]string {
	files := map[string]string{}
	for _, t := range b.Tasks {
		name := t.GetTemplate().GetId().GetName()
		if c, err := task.ReadClosure(t.GetTemplate().GetCustom()); err == nil {
			files["closure_"+name+".textproto"] = task.Text(c.Job)
			t = proto.Clone(t).(*admin.TaskSpec)
			for key, v := range t.Template.Custom.GetFields() {
				sum := sha256.Sum256([]byte(v.GetStringValue()))
				t.Template.Custom.Fields[key] = structpb.NewStringValue(fmt.Sprintf("closure_%s.textproto sha256:%x", name, sum))
			}
		}
		files["task_"+name+".textproto"] = task.Text(t)
	}
	files["workflow_"+b.Workflow.GetTemplate().GetId().GetName()+".textproto"] = task.Text(b.Workflow)
	for _, p := range b.Plans {
		files["plan_"+p.GetId().GetName()+".textproto"] = task.Text(p)
	}
	return files
}
