package local_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// A workflow of one task, whose executable is echo.
func Example() {
	text := &core.VariableMap{Variables: map[string]*core.Variable{
		"who": {Type: &core.LiteralType{Type: &core.LiteralType_Simple{Simple: core.SimpleType_STRING}}},
	}}
	greet := &core.TaskTemplate{
		Id: &core.Identifier{Name: "greet"}, Type: "container", Interface: &core.TypedInterface{Inputs: text},
		Target: &core.TaskTemplate_Container{Container: &core.Container{
			Command: []string{"/bin/echo"}, Args: []string{"Hello,", "{{.inputs.who}}!"},
		}},
	}
	workflow := &core.WorkflowTemplate{
		Id: &core.Identifier{Name: "hello"}, Interface: &core.TypedInterface{Inputs: text},
		Nodes: []*core.Node{{
			Id: "n0",
			Inputs: []*core.Binding{{Var: "who", Binding: &core.BindingData{
				Value: &core.BindingData_Promise{Promise: &core.OutputReference{Var: "who"}},
			}}},
			Target: &core.Node_TaskNode{TaskNode: &core.TaskNode{
				Reference: &core.TaskNode_ReferenceId{ReferenceId: &core.Identifier{Name: "greet"}},
			}},
		}},
	}
	bundle := local.Register(&local.Bundle{Tasks: []*core.TaskTemplate{greet}, Workflow: workflow}, "project", "development", "v1")

	prefix, err := os.MkdirTemp("", "runs-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(prefix)
	ctx := context.Background()
	engine := &local.Engine{
		Store:   objstore.Open(ctx, objstore.Config{}),
		Prefix:  prefix,
		Program: local.Directory("/bin"),
		Log:     func(local.NodeRef) io.WriteCloser { return terminal{} },
		Observe: func(e local.Event) { fmt.Println(e.NodeRef, e.Kind) },
	}
	who := &core.Literal{Value: &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_Primitive{
		Primitive: &core.Primitive{Value: &core.Primitive_StringValue{StringValue: "Euclid"}},
	}}}}
	if _, err := engine.Execute(ctx, bundle, &core.LiteralMap{Literals: map[string]*core.Literal{"who": who}}, "first"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// n0 queued
	// n0 running
	// Hello, Euclid!
	// n0 succeeded
}

// terminal is standard output, which no task may close.
type terminal struct{}

func (terminal) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (terminal) Close() error                { return nil }
