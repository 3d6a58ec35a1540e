package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"

	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
)

func main() {
	ctx := context.Background()
	conf, err := connect.Load("")
	if err != nil {
		panic(err)
	}
	conn, err := connect.Open(conf)
	if err != nil {
		panic(err)
	}
	c := &remote.Client{Conn: conn, Project: "flytesnacks", Domain: "development"}
	switch os.Args[1] {
	case "list":
		l, err := c.Recent(ctx, c.Project, c.Domain, 100)
		fmt.Println(err)
		for _, e := range l {
			fmt.Println(e.Id.Name, e.Spec.LaunchPlan.Name, e.Closure.Phase)
		}
	case "raw":
		id, _ := c.ID(os.Args[2])
		e, err := c.Execution(ctx, id)
		fmt.Println(prototext.Format(e), err)
		parent := ""
		if len(os.Args) > 3 {
			parent = os.Args[3]
		}
		l, err := c.Admin.ListNodeExecutions(ctx, &admin.NodeExecutionListRequest{WorkflowExecutionId: id, Limit: 100, UniqueParentId: parent})
		fmt.Println(err)
		for _, n := range l.GetNodeExecutions() {
			fmt.Println("NODE", prototext.Format(n))
			ts, err := c.Admin.ListTaskExecutions(ctx, &admin.TaskExecutionListRequest{NodeExecutionId: n.Id, Limit: 100})
			fmt.Println(err)
			for _, t := range ts.GetTaskExecutions() {
				fmt.Println("TASK", prototext.Format(t))
			}
		}
	case "follow":
		id, _ := c.ID(os.Args[2])
		_, err := c.Follow(ctx, id, remote.Follow{Observe: func(e local.Event) {
			raw, _ := json.Marshal(e)
			fmt.Println(string(raw))
		}})
		fmt.Println("ERR", err)
	case "status":
		id, _ := c.ID(os.Args[2])
		e, err := c.Execution(ctx, id)
		if err != nil {
			fmt.Println(err)
			return
		}
		s, err := c.Status(ctx, e, "")
		raw, _ := json.MarshalIndent(s, "", " ")
		fmt.Println(string(raw), err)
	}
}
