package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// stageDir holds the executable that every task of these tests is, built from
// testdata/stage once. The test binary is a server instead where s3test says so.
var stageDir string

func TestMain(m *testing.M) {
	if prefix := os.Getenv(engineEnv); prefix != "" {
		stageDir = os.Getenv("STAGE_DIR")
		fmt.Fprintln(os.Stderr, hangForever(prefix))
		os.Exit(1)
	}
	os.Exit(func() int {
		if os.Getenv("CONSTELLATION_S3TEST_DIR") == "" {
			dir, err := os.MkdirTemp("", "stage-")
			if err != nil {
				panic(err)
			}
			defer os.RemoveAll(dir)
			stageDir = dir
			if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "stage"), "./testdata/stage").CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "build testdata/stage: %v\n%s", err, out)
				return 1
			}
		}
		return s3test.Main(m)
	}())
}

// lab is an engine with what it is observed by.
type lab struct {
	*Engine
	pids   string
	events []Event
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{pids: t.TempDir()}
	l.Engine = &Engine{
		Store:       objstore.Open(context.Background(), objstore.Config{}),
		Prefix:      t.TempDir(),
		Program:     Directory(stageDir),
		Parallel:    4,
		Environment: []string{"STAGE_PIDS=" + l.pids},
		Observe:     func(e Event) { l.events = append(l.events, e) },
		Log:         Logs(t.TempDir()),
		GracePeriod: 200 * time.Millisecond,
		RetryDelay:  time.Millisecond,
		MaxOutput:   1 << 19,
	}
	return l
}

// count says how often something happened to a node and its elements.
func (l *lab) count(node string, k Kind) int {
	n := 0
	for _, e := range l.events {
		if e.Node == node && e.Kind == k {
			n++
		}
	}
	return n
}

// orphans lists the processes of a lab that are still alive.
func (l *lab) orphans(t testing.TB) []int {
	t.Helper()
	entries, err := os.ReadDir(l.pids)
	if err != nil {
		t.Fatal(err)
	}
	var alive []int
	for _, e := range entries {
		pid, _ := strconv.Atoi(e.Name())
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
			// A zombie is dead, though whoever inherited it has not looked yet.
			if _, rest, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(rest, "Z") {
				alive = append(alive, pid)
			}
		} else if _, err := os.Stat("/proc/self"); err != nil && syscall.Kill(pid, 0) == nil {
			alive = append(alive, pid)
		}
	}
	return alive
}

// The rest makes specs.

var (
	tInt    = simple(core.SimpleType_INTEGER)
	tString = simple(core.SimpleType_STRING)
)

func simple(s core.SimpleType) *core.LiteralType {
	return &core.LiteralType{Type: &core.LiteralType_Simple{Simple: s}}
}

func listOf(t *core.LiteralType) *core.LiteralType {
	return &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: t}}
}

type vars map[string]*core.LiteralType

func (v vars) variables() *core.VariableMap {
	m := &core.VariableMap{Variables: map[string]*core.Variable{}}
	for k, t := range v {
		m.Variables[k] = &core.Variable{Type: t}
	}
	return m
}

func id(name string) *core.Identifier { return &core.Identifier{Name: name} }

var stageArgs = []string{
	"--inputs", "{{.input}}", "--output-prefix", "{{.outputPrefix}}", "--raw-output-prefix", "{{ $rawOutputDataPrefix }}",
	"--checkpoint-prefix", "{{.checkpointOutputPrefix}}", "--prev-checkpoint-prefix", "{{.prevCheckpointPrefix}}",
}

func task(name string, in, out vars, args ...string) *core.TaskTemplate {
	return &core.TaskTemplate{
		Id: id(name), Type: "container",
		Metadata:  &core.TaskMetadata{},
		Interface: &core.TypedInterface{Inputs: in.variables(), Outputs: out.variables()},
		Target: &core.TaskTemplate_Container{Container: &core.Container{
			Image: "none", Command: []string{"/bin/stage"}, Args: append(append([]string{}, stageArgs...), args...),
		}},
	}
}

// work does one thing; work_map many; sum reduces.
func tasks() []*core.TaskTemplate {
	work := task("work", vars{"do": tString, "x": tInt}, vars{"y": tInt})
	mapped := task("work_map", vars{"do": listOf(tString), "x": listOf(tInt)}, vars{"y": listOf(tInt)}, "--element", "--note", "{{.inputs.x}}")
	sum := task("sum", vars{"do": tString, "x": listOf(tInt)}, vars{"y": tInt})
	fan := task("fan", vars{"do": tString, "x": tInt}, vars{"y": listOf(tInt)}, "--task-template", "{{.taskTemplatePath}}")
	return []*core.TaskTemplate{work, mapped, sum, fan}
}

func taskNode(id_, task string, in ...*core.Binding) *core.Node {
	return &core.Node{
		Id: id_, Metadata: &core.NodeMetadata{}, Inputs: in,
		Target: &core.Node_TaskNode{TaskNode: &core.TaskNode{Reference: &core.TaskNode_ReferenceId{ReferenceId: id(task)}}},
	}
}

func mapNode(id_, task string, set func(*core.ArrayNode), in ...*core.Binding) *core.Node {
	a := &core.ArrayNode{Node: taskNode("inner", task)}
	if set != nil {
		set(a)
	}
	return &core.Node{Id: id_, Metadata: &core.NodeMetadata{}, Inputs: in, Target: &core.Node_ArrayNode{ArrayNode: a}}
}

func subNode(id_, workflow string, in ...*core.Binding) *core.Node {
	return &core.Node{Id: id_, Metadata: &core.NodeMetadata{}, Inputs: in, Target: &core.Node_WorkflowNode{WorkflowNode: &core.WorkflowNode{
		Reference: &core.WorkflowNode_SubWorkflowRef{SubWorkflowRef: id(workflow)}}}}
}

func planNode(id_, plan string, in ...*core.Binding) *core.Node {
	return &core.Node{Id: id_, Metadata: &core.NodeMetadata{}, Inputs: in, Target: &core.Node_WorkflowNode{WorkflowNode: &core.WorkflowNode{
		Reference: &core.WorkflowNode_LaunchplanRef{LaunchplanRef: id(plan)}}}}
}

func workflowOf(name string, in, out vars, outputs []*core.Binding, nodes ...*core.Node) *core.WorkflowTemplate {
	return &core.WorkflowTemplate{
		Id: id(name), Metadata: &core.WorkflowMetadata{},
		Interface: &core.TypedInterface{Inputs: in.variables(), Outputs: out.variables()},
		Nodes:     nodes, Outputs: outputs,
	}
}

// to binds a variable to a literal value, or to what "node.var" or "node.var[2]" refers to (".var" is a workflow input).
func to(name string, v any) *core.Binding { return &core.Binding{Var: name, Binding: data(v)} }

type from string // a promise

func data(v any) *core.BindingData {
	switch v := v.(type) {
	case from:
		node, rest, _ := strings.Cut(string(v), ".")
		name, index, ok := strings.Cut(rest, "[")
		ref := &core.OutputReference{NodeId: node, Var: name}
		if ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(index, "]"))
			ref.AttrPath = []*core.PromiseAttribute{{Value: &core.PromiseAttribute_IntValue{IntValue: int32(n)}}}
		}
		return &core.BindingData{Value: &core.BindingData_Promise{Promise: ref}}
	case []any:
		c := &core.BindingDataCollection{}
		for _, e := range v {
			c.Bindings = append(c.Bindings, data(e))
		}
		return &core.BindingData{Value: &core.BindingData_Collection{Collection: c}}
	}
	return &core.BindingData{Value: &core.BindingData_Scalar{Scalar: lit(v).GetScalar()}}
}

func lit(v any) *core.Literal {
	switch v := v.(type) {
	case int:
		return primitive(&core.Primitive{Value: &core.Primitive_Integer{Integer: int64(v)}})
	case string:
		return primitive(&core.Primitive{Value: &core.Primitive_StringValue{StringValue: v}})
	case nil:
		return none()
	case []any:
		var list []*core.Literal
		for _, e := range v {
			list = append(list, lit(e))
		}
		return collection(list)
	}
	panic(fmt.Sprintf("no literal for %T", v))
}

func literals(kv map[string]any) *core.LiteralMap {
	m := &core.LiteralMap{Literals: map[string]*core.Literal{}}
	for k, v := range kv {
		m.Literals[k] = lit(v)
	}
	return m
}

// show is a literal as lit takes it.
func show(l *core.Literal) any {
	if c := l.GetCollection(); c != nil {
		list := []any{}
		for _, e := range c.GetLiterals() {
			list = append(list, show(e))
		}
		return list
	}
	switch p := l.GetScalar().GetPrimitive().GetValue().(type) {
	case *core.Primitive_Integer:
		return int(p.Integer)
	case *core.Primitive_StringValue:
		return p.StringValue
	}
	return nil
}

// futures writes a dynamic job and returns what makes the stage ask for it.
func futures(t testing.TB, spec *core.DynamicJobSpec) string {
	t.Helper()
	b, err := proto.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "spec.pb")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return "futures:" + path
}
