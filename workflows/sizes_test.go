package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/apis/flyteworkflow/v1alpha1"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/common"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/transformers/k8s"
	"github.com/flyteorg/flyte/flytestdlib/bitarray"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
	"github.com/cosmostat/constellation/workflows"
)

// What the engine bounds: objects in etcd, and files that it reads (its own
// default; the Helm chart sets 10 MB).
const (
	etcdLimit     = 1536 << 10
	downloadLimit = 2 << 20
)

// raw is a task's output prefix as the engine makes them.
const raw = "s3://flyte-user-data/constellation/7f/a8xk2v9fq7h5m4n6c2wd-n5-0-dn0-0-n0-0-dn499-0-n0-0"

// TestSizes computes what the engine has to hold for a run of 1, 353 and 60,000
// tiles, from the protos themselves, and holds it to the engine's limits.
func TestSizes(t *testing.T) {
	given := usual(t)
	var table bytes.Buffer
	report := tabwriter.NewWriter(&table, 2, 1, 2, ' ', tabwriter.AlignRight)
	listed := pipeline.IndexObservationsOut{Plan: given.Plan, Tiles: given.Tiles, LeftOut: []string{}}
	for i := range survey.MaxBatches {
		listed.Batches = append(listed.Batches, fmt.Sprintf("%064d", i))
	}
	fmt.Fprint(report, "tiles\texecutions\tclosure\tCRD\tnode states\touter futures.pb\ttheir futures.pb\ttheir outputs.pb\t\n")
	for _, tiles := range []int{1, 353, 60_000} {
		in := given
		for i := range tiles {
			in.TileIDs = append(in.TileIDs, int64(102_018_211+i))
		}
		branch, batches := in.Batches()
		outer := futures(t, pipeline.FanOutBatches, "fan_out_batches", in, func(context.Context, pipeline.FanOutBatchesIn) (task.FanOut[pipeline.BatchIn], error) {
			return task.FanOut[pipeline.BatchIn]{Branch: branch, Items: batches}, nil
		})
		batch := batches[0]
		inner := futures(t, pipeline.FanOutTiles, "fan_out_tiles", batch.FanOutTilesIn, func(context.Context, pipeline.FanOutTilesIn) (task.FanOut[pipeline.TileIn], error) {
			return task.FanOut[pipeline.TileIn]{Branch: batch.Branch, Items: tileItems(batch), Accelerator: "nvidia-l4"}, nil
		})
		given := in.TileIDs // at launch; a survey's are the configuration's
		if tiles > 1000 {
			given = []int64{}
		}
		closure, crd := crd(t, given)
		states := states(t, len(batch.TileIDs))
		outputs := proto.Size(outputs(t, len(batch.TileIDs)))
		listed.TileIDs = in.TileIDs
		index, err := literal.Marshal(listed)
		if err != nil {
			t.Fatal(err)
		}
		if n := proto.Size(index); n > downloadLimit {
			t.Errorf("%d tiles: outputs.pb of index_observations has %d bytes with %d batches, the engine reads %d", tiles, n, survey.MaxBatches, downloadLimit)
		}
		executions := 1
		if len(batches) > 1 {
			executions += len(batches)
		}
		fmt.Fprintf(report, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", tiles, executions, kB(closure), kB(crd), kB(states), kB(outer), kB(inner), kB(outputs))
		for what, n := range map[string]int{"the CRD with its nodes' states": crd + states} {
			if n > etcdLimit {
				t.Errorf("%d tiles: %s takes %d bytes, etcd %d", tiles, what, n, etcdLimit)
			}
		}
		for what, n := range map[string]int{"futures.pb of fan_out_batches": outer, "futures.pb of fan_out_tiles": inner, "outputs.pb of fan_out_tiles": outputs} {
			if n > downloadLimit {
				t.Errorf("%d tiles: %s has %d bytes, the engine reads %d", tiles, what, n, downloadLimit)
			}
		}
	}
	if err := report.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("a run of so many tiles, 4 x 4 sub-tiles each\n%s", table.String())
}

func kB(n int) string { return fmt.Sprintf("%.0f kB", float64(n)/1e3) }

// usual are those of the example configuration, with names of usual lengths.
func usual(t *testing.T) pipeline.FanOutBatchesIn {
	text, err := os.ReadFile("../configs/edff_single_tile.yaml")
	if err != nil {
		t.Fatal(err)
	}
	blob := func(name string) literal.Blob { return literal.Blob{URI: raw + "/" + name, Format: "json"} }
	in := pipeline.FanOutBatchesIn{MaxTiles: 500, Kind: pipeline.BatchShear}
	in.Branch = pipeline.BranchGPU
	in.TileSettings = pipeline.TileSettings{
		Source: settings.Source{VISBase: "s3://nasa-irsa-euclid-q1/q1/VIS/", MERBase: "s3://nasa-irsa-euclid-q1/q1/MER/",
			CatalogBase: "s3://nasa-irsa-euclid-q1/q1/catalogs/MER_FINAL_CATALOG/", Region: "us-east-1", Anonymous: true, Exposures: "nominal"},
		Tiling:      settings.Tiling{Source: "mer_mosaic", Grid: settings.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}},
		Products:    pipeline.Products{Base: "s3://euclid-shear-products/campaigns/wide"},
		Destination: pipeline.Destination{RunURI: "s3://euclid-shear-products/campaigns/wide/EDFS_20261122T101500Z", ConfigID: fmt.Sprintf("%064d", 1), Redo: "s3://euclid-shear-products/campaigns/wide/redo"},
		Inference:   settings.Inference{Engine: "shine", Command: []string{"python", "-m", "shine.euclid.run"}, Inference: string(text), ConfigID: fmt.Sprintf("%064d", 1)}, // more than its section
		Limits:      settings.Limits{TimeoutSeconds: 7200}, GPU: pipeline.GPU{Accelerator: "nvidia-l4"},
	}
	in.Plan, in.Tiles, in.Index = blob("plan.json"), blob("tiles.json"), blob("index/quadrants.json")
	in.CommitSettings = pipeline.CommitSettings{
		Catalog: settings.Catalog{Warehouse: "s3://euclid-shear-products/warehouse", URI: "https://iceberg.example.org/rest", Namespace: "shear", Table: "wide_shear"},
	}
	return in
}

func tileItems(b pipeline.BatchIn) []pipeline.TileIn {
	var items []pipeline.TileIn
	for _, id := range b.TileIDs {
		plan := literal.Blob{URI: fmt.Sprintf("%s/tiles/%d.json", raw, id), Format: "json"}
		items = append(items, b.Tile(id, plan, fmt.Sprintf("%064d", id), literal.Blob{URI: raw + "/inference.json", Format: "json"}, fmt.Sprintf("%064d", 1)))
	}
	return items
}

// futures runs a dynamic task as its executable does, and returns the size of what it decided.
func futures[In, Item, Out any](t *testing.T, stage *task.Dynamic[In, Item, Out], name string, in In, run task.RunDynamic[In, Item]) int {
	t.Helper()
	store := objstore.NewMemory()
	put := func(uri string, m proto.Message) {
		t.Helper()
		data, err := proto.Marshal(m)
		if err == nil {
			_, err = objstore.WriteFile(t.Context(), store, uri, data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	found := false
	for _, b := range build(t) {
		for _, s := range b.Tasks {
			if s.GetTemplate().GetId().GetName() == name {
				put("mem://b/task.pb", s.GetTemplate())
				found = true
			}
		}
	}
	if !found {
		t.Fatalf("no bundle has the task %s", name)
	}
	inputs, err := literal.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	put("mem://b/inputs.pb", inputs)
	var said errorText
	status := stage.Execute(t.Context(), task.Process{
		Args:   []string{"--inputs", "mem://b/inputs.pb", "--output-prefix", "mem://b/out", "--raw-output-prefix", "mem://b/raw", "--task-template", "mem://b/task.pb"},
		Env:    func(key string) (string, bool) { v, ok := environment[key]; return v, ok },
		Stdout: io.Discard, Stderr: &said, Store: store,
	}, run)
	info, err := store.Stat(t.Context(), "mem://b/out/futures.pb")
	if err != nil {
		t.Fatalf("%s ended with %d: %v\n%s", name, status, err, said)
	}
	return int(info.Size)
}

type errorText []byte

func (e *errorText) Write(p []byte) (int, error) { *e = append(*e, p...); return len(p), nil }

var environment = map[string]string{
	"FLYTE_INTERNAL_TASK_PROJECT": "constellation", "FLYTE_INTERNAL_TASK_DOMAIN": "production", "FLYTE_INTERNAL_TASK_VERSION": "v1.2.3-0123456789abcdef",
}

// crd compiles shear_pipeline as FlyteAdmin does at launch, and returns the
// sizes of its closure and of the object that goes to etcd.
func crd(t *testing.T, tiles []int64) (closure, object int) {
	t.Helper()
	for _, b := range build(t) {
		if b.Workflow.GetTemplate().GetId().GetName() != "shear_pipeline" {
			continue
		}
		l := local.Register(registered(b), "constellation", "production", "v1.2.3-0123456789abcdef")
		var tasks []*core.CompiledTask
		for _, template := range l.Tasks {
			compiled, err := compiler.CompileTask(template)
			if err != nil {
				t.Fatal(err)
			}
			tasks = append(tasks, compiled)
		}
		compiled, err := compiler.CompileWorkflow(l.Workflow, l.SubWorkflows, tasks, []common.InterfaceProvider{})
		if err != nil {
			t.Fatal(err)
		}
		closure = proto.Size(compiled)
		text, err := os.ReadFile("../configs/edff_single_tile.yaml")
		if err != nil {
			t.Fatal(err)
		}
		inputs, err := literal.Marshal(workflows.LaunchIn{ConfigYAML: string(text), TileIDs: tiles, Grid: []int64{}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := k8s.BuildFlyteWorkflow(compiled, inputs, &core.WorkflowExecutionIdentifier{Project: "constellation", Domain: "production", Name: "a8xk2v9fq7h5m4n6c2wd"}, "constellation-production")
		if err != nil {
			t.Fatal(err)
		}
		object, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		return closure, len(object)
	}
	t.Fatal("no bundle has shear_pipeline")
	return 0, 0
}

// states is what the nodes of one fan-out over tiles add to the object while
// all of them run: per tile a sub-workflow, its preparation, and the states of
// 16 inferences.
func states(t *testing.T, tiles int) int {
	t.Helper()
	now := metav1.NewTime(time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC))
	node := func() *v1alpha1.NodeStatus {
		return &v1alpha1.NodeStatus{Phase: v1alpha1.NodePhaseRunning, QueuedAt: &now, StartedAt: &now, LastUpdatedAt: &now, LastAttemptStartedAt: &now}
	}
	all := map[string]*v1alpha1.NodeStatus{}
	for i := range tiles {
		tile, prepare, schedule, infer := node(), node(), node(), node()
		prepare.TaskNodeStatus = &v1alpha1.TaskNodeStatus{Phase: 5, PhaseVersion: 1, PluginState: make([]byte, 160)}
		schedule.TaskNodeStatus = prepare.TaskNodeStatus
		infer.ArrayNodeStatus = &v1alpha1.ArrayNodeStatus{Phase: v1alpha1.ArrayNodePhaseExecuting}
		s := infer.ArrayNodeStatus
		for _, bits := range []struct {
			array *bitarray.CompactArray
			most  bitarray.Item
		}{{&s.SubNodePhases, 15}, {&s.SubNodeTaskPhases, 15}, {&s.SubNodeRetryAttempts, 3}, {&s.SubNodeSystemFailures, 30}, {&s.SubNodeDeltaTimestamps, 1 << 20}} {
			array, err := bitarray.NewCompactArray(16, bits.most)
			if err != nil {
				t.Fatal(err)
			}
			for k := range 16 {
				array.SetItem(k, bits.most)
			}
			*bits.array = array
		}
		tile.SubNodeStatus = map[string]*v1alpha1.NodeStatus{"start-node": node(), "prepare-tile": prepare, "schedule-tile": schedule, "infer-subtile": infer, "end-node": node()}
		all[fmt.Sprintf("n%d", i)] = tile
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return len(text)
}

// outputs are those of a fan-out over tiles.
func outputs(t *testing.T, tiles int) *core.LiteralMap {
	t.Helper()
	var out pipeline.FanOutTilesOut
	for range tiles {
		out.Prepared = append(out.Prepared, literal.Blob{URI: raw + "/prepared.json", Format: "json"})
		var outcomes []*literal.Blob
		for range 16 {
			outcomes = append(outcomes, &literal.Blob{URI: raw + "-n1-0-15-0/outcome.json"})
		}
		out.Outcomes = append(out.Outcomes, outcomes)
	}
	m, err := literal.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
