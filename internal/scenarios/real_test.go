package scenarios

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const (
	project = "flytesnacks"
	domain  = "development"
)

// cluster is a Flyte engine whose pods are processes of this machine.
type cluster struct {
	admin   service.AdminServiceClient
	store   objstore.Store
	data    string // where it keeps faults and the logs of pods
	version string
	place   string
	faults  sync.Mutex
}

// TestReal runs the suite on a real engine: FlyteAdmin, propeller and the
// catalogue, with a kubelet that runs pods as processes. It needs
//
//	FLYTE_ADMIN_GRPC   host:port, without TLS
//	FLYTECTL_CONFIG    of that engine; FLYTECTL_BIN where flytectl is not in PATH
//	LAB_DATA           where the engine's files images, faults and pod-logs lie
//	SCENARIOS_BUCKET   s3://bucket/prefix that pods and this test can write to
//	AWS_*              for that bucket
func TestReal(t *testing.T) {
	address := os.Getenv("FLYTE_ADMIN_GRPC")
	if address == "" {
		t.Skip("SKIPPED: no real engine. Set FLYTE_ADMIN_GRPC and what else the comment names; the golden records stand for it.")
	}
	c := connect(t, address)
	c.register(t)
	for i, s := range Suite() {
		t.Run(s.Name, func(t *testing.T) {
			if !s.Alone {
				t.Parallel()
			}
			var records []Record
			previous := ""
			for j, step := range s.Steps {
				// Part of every pod's name, and so of its faults'.
				id := fmt.Sprintf("%s-%02d-%d", c.version, i, j)
				records = append(records, c.step(t, s, step, id, previous))
				previous = id
			}
			if t.Failed() {
				return
			}
			if *update {
				writeGolden(t, s.Name, records)
			}
			compare(t, readGolden(t, s.Name), records, nil)
		})
	}
}

func connect(t *testing.T, address string) *cluster {
	t.Helper()
	for _, name := range []string{"FLYTECTL_CONFIG", "LAB_DATA", "SCENARIOS_BUCKET"} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set", name)
		}
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var salt [3]byte
	rand.Read(salt[:])
	c := &cluster{
		admin:   service.NewAdminServiceClient(conn),
		store:   objstore.Open(t.Context(), objstore.Config{}),
		data:    os.Getenv("LAB_DATA"),
		version: "s" + hex.EncodeToString(salt[:]),
	}
	c.place = objstore.Join(os.Getenv("SCENARIOS_BUCKET"), c.version)

	stages := filepath.Join(c.data, "scenarios", c.version)
	buildStages(t, stages)
	// The longest prefix of an image wins.
	c.append(t, "images", fmt.Sprintf("%s%s %s", image, c.version, stages))
	return c
}

func (c *cluster) append(t *testing.T, file, line string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(c.data, file), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintln(f, line)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// register gives every workflow to the engine, in one archive, as people do.
func (c *cluster) register(t *testing.T) {
	t.Helper()
	var bundles []*spec.Bundle
	for _, s := range Suite() {
		for _, w := range append(s.Children, s.Workflow) {
			b, err := w.Build(spec.Options{Image: image + c.version})
			if err != nil {
				t.Fatal(err)
			}
			bundles = append(bundles, b)
		}
	}
	archive := filepath.Join(t.TempDir(), "scenarios.tgz")
	var raw bytes.Buffer
	if err := spec.WriteArchive(&raw, bundles...); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(archive, raw.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	flytectl := os.Getenv("FLYTECTL_BIN")
	if flytectl == "" {
		flytectl = "flytectl"
	}
	cmd := exec.Command(flytectl, "register", "files", archive, "--archive", "-p", project, "-d", domain, "--version", c.version)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// step is one execution, from its faults to its record.
func (c *cluster) step(t *testing.T, s Scenario, step Step, id, previous string) Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	place := objstore.Join(c.place, s.Name)
	for _, name := range step.Switches {
		if _, err := objstore.WriteFile(ctx, c.store, objstore.Join(place, name), []byte("on")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range step.Remove {
		if err := c.store.Delete(ctx, objstore.Join(place, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range step.Faults {
		pod := fmt.Sprintf("%s-%s-%d", id, f.Node, f.Attempt)
		if f.Element >= 0 {
			pod = fmt.Sprintf("%s-%s-0-n%d-%d", id, f.Node, f.Element, f.Attempt)
		}
		c.faults.Lock()
		c.append(t, "faults", fmt.Sprintf("^%s-%s/%s$ * %s 2s", project, domain, pod, f.Action))
		c.faults.Unlock()
	}
	var err error
	if step.Recover {
		_, err = c.admin.RecoverExecution(ctx, &admin.ExecutionRecoverRequest{Id: execution(previous), Name: id})
	} else {
		name := s.Name
		_, err = c.admin.CreateExecution(ctx, &admin.ExecutionCreateRequest{
			Project: project, Domain: domain, Name: id, Inputs: inputs(t, step, place, c.version+s.Name),
			Spec: &admin.ExecutionSpec{
				LaunchPlan:     &core.Identifier{ResourceType: core.ResourceType_LAUNCH_PLAN, Project: project, Domain: domain, Name: name, Version: c.version},
				Metadata:       &admin.ExecutionMetadata{Mode: admin.ExecutionMetadata_MANUAL, Principal: "scenarios"},
				OverwriteCache: step.Overwrite,
			},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	e := c.wait(ctx, t, execution(id))
	r := Record{Phase: e.GetClosure().GetPhase().String(), Error: errorOf(e.GetClosure().GetError())}
	if r.Phase == "SUCCEEDED" {
		data, err := c.admin.GetExecutionData(ctx, &admin.WorkflowExecutionGetDataRequest{Id: execution(id)})
		if err != nil {
			t.Fatal(err)
		}
		r.Outputs = plain(data.GetFullOutputs())
	} else {
		t.Logf("%s: %s", id, e.GetClosure().GetError().GetMessage())
	}
	c.nodes(ctx, t, &r, execution(id), "", "")
	r.Sort()
	return r
}

func execution(id string) *core.WorkflowExecutionIdentifier {
	return &core.WorkflowExecutionIdentifier{Project: project, Domain: domain, Name: id}
}

// wait is until the execution has ended.
func (c *cluster) wait(ctx context.Context, t *testing.T, id *core.WorkflowExecutionIdentifier) *admin.Execution {
	t.Helper()
	for {
		e, err := c.admin.GetExecution(ctx, &admin.WorkflowExecutionGetRequest{Id: id})
		if err != nil {
			t.Fatalf("%s: %v", id.GetName(), err)
		}
		switch e.GetClosure().GetPhase() {
		case core.WorkflowExecution_SUCCEEDED, core.WorkflowExecution_FAILED, core.WorkflowExecution_ABORTED, core.WorkflowExecution_TIMED_OUT:
			return e
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s has not ended: %s", id.GetName(), e.GetClosure().GetPhase())
		case <-time.After(time.Second):
		}
	}
}

func errorOf(e *core.ExecutionError) *Error {
	if e == nil {
		return nil
	}
	if code, ok := strings.CutPrefix(e.GetCode(), "RetriesExhausted|"); ok {
		return &Error{Code: code, Exhausted: true}
	}
	return &Error{Code: e.GetCode(), Kind: e.GetKind().String()}
}

// nodes adds the nodes of an execution, or those inside the node named parent, to the record.
func (c *cluster) nodes(ctx context.Context, t *testing.T, r *Record, id *core.WorkflowExecutionIdentifier, parent, path string) {
	t.Helper()
	if parent == "" {
		pods, err := filepath.Glob(filepath.Join(c.data, "pod-logs", project+"-"+domain+"_"+id.GetName()+"-*"))
		if err != nil {
			t.Fatal(err)
		}
		r.Pods += len(pods)
	}
	token := ""
	for {
		page, err := c.admin.ListNodeExecutions(ctx, &admin.NodeExecutionListRequest{
			WorkflowExecutionId: id, UniqueParentId: parent, Limit: 100, Token: token,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.GetNodeExecutions() {
			c.node(ctx, t, r, id, n, path)
		}
		if token = page.GetToken(); token == "" {
			return
		}
	}
}

func (c *cluster) node(ctx context.Context, t *testing.T, r *Record, id *core.WorkflowExecutionIdentifier, n *admin.NodeExecution, path string) {
	t.Helper()
	name := n.GetMetadata().GetSpecNodeId()
	if name == "start-node" || name == "end-node" {
		return
	}
	path = strings.TrimPrefix(path+"/"+name, "/")
	closure := n.GetClosure()
	rec := Node{Node: path, Phase: closure.GetPhase().String(), Cache: cacheOf(closure.GetTaskNodeMetadata().GetCacheStatus())}
	tasks, err := c.admin.ListTaskExecutions(ctx, &admin.TaskExecutionListRequest{NodeExecutionId: n.GetId(), Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	failure := errorOf(closure.GetError())
	for _, x := range tasks.GetTaskExecutions() {
		resources := x.GetClosure().GetMetadata().GetExternalResources()
		if !n.GetMetadata().GetIsArray() {
			if os.Getenv("SCENARIOS_VERBOSE") != "" {
				t.Logf("%s: %v", path, x)
			}
			if len(x.GetClosure().GetLogs()) == 0 {
				continue // it never had a pod
			}
			if n := int(x.GetId().GetRetryAttempt()) + 1; n > rec.Attempts {
				rec.Attempts = n
				if closure.GetError() == nil { // a task's own is with its attempt
					failure = errorOf(x.GetClosure().GetError())
				}
			}
			continue
		}
		elements := map[uint32]Node{}
		for _, e := range resources {
			old := elements[e.GetIndex()]
			attempts := max(old.Attempts, int(e.GetRetryAttempt())+1)
			if e.GetCacheStatus() == core.CatalogCacheStatus_CACHE_HIT {
				attempts = 0
			}
			elements[e.GetIndex()] = Node{
				Node: fmt.Sprintf("%s[%d]", path, e.GetIndex()), Phase: e.GetPhase().String(),
				Attempts: attempts, Cache: cacheOf(e.GetCacheStatus()),
			}
			if os.Getenv("SCENARIOS_VERBOSE") != "" {
				t.Logf("%s: %v", path, e)
			}
		}
		for _, e := range elements {
			r.Nodes = append(r.Nodes, e)
		}
	}
	if failure != nil && rec.Phase != "SUCCEEDED" {
		rec.Code = failure.Code
	}
	r.Nodes = append(r.Nodes, rec)
	if n.GetMetadata().GetIsParentNode() && !n.GetMetadata().GetIsArray() {
		c.nodes(ctx, t, r, id, n.GetId().GetNodeId(), path)
	}
	if child := closure.GetWorkflowNodeMetadata().GetExecutionId(); child != nil {
		c.nodes(ctx, t, r, child, "", path)
	}
}

func cacheOf(s core.CatalogCacheStatus) string {
	if s == core.CatalogCacheStatus_CACHE_DISABLED {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(s.String(), "CACHE_"))
}
