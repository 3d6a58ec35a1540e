package remote

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
)

// Client is a project and domain of one FlyteAdmin.
type Client struct {
	*connect.Conn
	Project, Domain string
}

// ID is an execution's identifier from "name" or "project/domain/name".
func (c *Client) ID(s string) (*core.WorkflowExecutionIdentifier, error) {
	return connect.ParseID(s, c.Project, c.Domain)
}

// Name is how an execution is written: "project/domain/name".
func Name(id *core.WorkflowExecutionIdentifier) string {
	return id.GetProject() + "/" + id.GetDomain() + "/" + id.GetName()
}

// Link is where FlyteConsole shows the execution.
func (c *Client) Link(id *core.WorkflowExecutionIdentifier) string {
	return c.Config.ConsoleLink(id.GetProject(), id.GetDomain(), id.GetName())
}

// Execution is FlyteAdmin's record of an execution. For one that is not there
// the error names those that have similar names.
func (c *Client) Execution(ctx context.Context, id *core.WorkflowExecutionIdentifier) (*admin.Execution, error) {
	e, err := c.Admin.GetExecution(ctx, &admin.WorkflowExecutionGetRequest{Id: id})
	if status.Code(err) != codes.NotFound {
		return e, err
	}
	recent, listErr := c.Recent(ctx, id.GetProject(), id.GetDomain(), 100)
	if listErr != nil {
		return nil, err
	}
	var names []string
	for _, other := range recent {
		names = append(names, other.GetId().GetName())
	}
	return nil, missing(err, "execution", id.GetName(), id.GetProject(), id.GetDomain(), names)
}

// Recent lists the latest executions, the newest first.
func (c *Client) Recent(ctx context.Context, project, domain string, n int) ([]*admin.Execution, error) {
	list, err := c.Admin.ListExecutions(ctx, &admin.ResourceListRequest{
		Id: &admin.NamedEntityIdentifier{Project: project, Domain: domain}, Limit: uint32(n), SortBy: newest(),
	})
	return list.GetExecutions(), err
}

func newest() *admin.Sort { return &admin.Sort{Key: "created_at", Direction: admin.Sort_DESCENDING} }

// plan finds a launch plan; without a version the latest that was registered.
func (c *Client) plan(ctx context.Context, name, version string) (*admin.LaunchPlan, error) {
	id := &core.Identifier{ResourceType: core.ResourceType_LAUNCH_PLAN, Project: c.Project, Domain: c.Domain, Name: name, Version: version}
	var err error
	if version != "" {
		var p *admin.LaunchPlan
		if p, err = c.Admin.GetLaunchPlan(ctx, &admin.ObjectGetRequest{Id: id}); status.Code(err) != codes.NotFound {
			return p, err
		}
		versions, listErr := c.plans(ctx, name, 100)
		if listErr == nil && len(versions) > 0 {
			var known []string
			for _, v := range versions {
				known = append(known, v.GetId().GetVersion())
			}
			return nil, missing(err, "version of launch plan "+name, version, c.Project, c.Domain, known)
		}
	} else {
		latest, listErr := c.plans(ctx, name, 1)
		if listErr != nil {
			return nil, listErr
		}
		if len(latest) > 0 {
			return latest[0], nil
		}
		err = fmt.Errorf("nothing is registered under this name")
	}
	list, listErr := c.Admin.ListLaunchPlanIds(ctx, &admin.NamedEntityIdentifierListRequest{Project: c.Project, Domain: c.Domain, Limit: 1000})
	if listErr != nil {
		return nil, listErr
	}
	var names []string
	for _, e := range list.GetEntities() {
		names = append(names, e.GetName())
	}
	return nil, missing(err, "launch plan", name, c.Project, c.Domain, names)
}

func (c *Client) plans(ctx context.Context, name string, n uint32) ([]*admin.LaunchPlan, error) {
	list, err := c.Admin.ListLaunchPlans(ctx, &admin.ResourceListRequest{
		Id: &admin.NamedEntityIdentifier{Project: c.Project, Domain: c.Domain, Name: name}, Limit: n, SortBy: newest(),
	})
	return list.GetLaunchPlans(), err
}

// missing says what is not there, and what is that could have been meant.
func missing(cause error, kind, name, project, domain string, known []string) error {
	e := fault.Input(connect.CodeNotFound, "project %s, domain %s has no %s %q", project, domain, kind, name)
	if cause != nil {
		e.Err = &hidden{e.Err, cause}
	}
	if len(known) == 0 {
		return e.Fix("there is none at all: flytectl register puts workflows there; --project and --domain say where to look")
	}
	return e.Fix("there is %s", strings.Join(similar(name, known, 5), ", "))
}

// hidden keeps a cause for those who ask, and out of the text.
type hidden struct {
	error
	cause error
}

func (h *hidden) Unwrap() error { return h.cause }

// similar orders names by how little has to be typed anew, and keeps the first few.
func similar(name string, known []string, n int) []string {
	known = fault.Similar(name, known)
	return known[:min(n, len(known))]
}
