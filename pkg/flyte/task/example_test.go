package task_test

import (
	"context"
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/task"
)

func ExampleDefine() {
	type In struct {
		Name string `flyte:"name" doc:"whom to greet"`
	}
	type Out struct {
		Greeting string `flyte:"greeting"`
	}
	greet := task.Define[In, Out](task.Declaration{
		Name: "greet", Doc: "Greets somebody.",
		Resources: task.Resources{CPU: "100m", Memory: "64Mi"}, Retries: 1,
	})
	run := func(_ context.Context, in In) (Out, error) { return Out{"hello " + in.Name}, nil }
	_ = func() { task.Main(greet, run) } // the executable's main function
	fmt.Println(greet.Name(), greet.Declaration().Executable())
	// Output: greet greet
}
