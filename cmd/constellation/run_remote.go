package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/workflows"
)

// shearPlan is the launch plan whose outputs this command understands.
const shearPlan = "shear_pipeline"

// upkeepPlan is what the plans begin with that compute nothing.
const upkeepPlan = "catalog_upkeep"

// remoteRun is what only a run on a cluster takes.
type remoteRun struct {
	cluster
	on     bool
	detach bool
	launch remote.Launch

	interruptible bool
}

// remoteFlags are those that mean something only with --remote, localFlags only without.
var (
	remoteFlags = []string{"flyte-config", "project", "domain", "plan", "plan-version", "name", "label", "max-parallelism",
		"service-account", "raw-output-prefix", "cluster-pool", "overwrite-cache", "interruptible", "detach"}
	localFlags = []string{"metadata", "bin", "parallel"}
)

func (r *remoteRun) flags(c *cobra.Command) {
	r.cluster.flags(c)
	f := c.Flags()
	f.BoolVar(&r.on, "remote", false, "run on the Flyte cluster of flytectl's configuration file instead of this machine")
	f.StringVar(&r.launch.Plan, "plan", shearPlan, "launch plan (with --remote)")
	f.StringVar(&r.launch.Version, "plan-version", "", "version of the launch plan (default: the latest registered)")
	f.StringVar(&r.launch.Name, "name", "", "name of the execution (default: generated)")
	f.StringToStringVar(&r.launch.Labels, "label", nil, "label of the execution and its pods, as key=value; may be repeated")
	f.IntVar(&r.launch.MaxParallelism, "max-parallelism", 0, "nodes of the execution that run at once (default: the launch plan's)")
	f.StringVar(&r.launch.ServiceAccount, "service-account", "", "Kubernetes service account of the pods (default: the launch plan's)")
	f.StringVar(&r.launch.RawOutputPrefix, "raw-output-prefix", "", "URI below which tasks put their blobs (default: the cluster's)")
	f.StringVar(&r.launch.ClusterPool, "cluster-pool", "", "cluster pool that the execution is assigned to")
	f.BoolVar(&r.launch.OverwriteCache, "overwrite-cache", false, "run what the cache already has, and replace it there")
	f.BoolVar(&r.interruptible, "interruptible", false, "let everything run on machines that may be reclaimed; =false: nothing")
	f.BoolVar(&r.detach, "detach", false, "launch, and don't watch")
}

// check refuses flags that the chosen engine would not see.
func (r *remoteRun) check(c *cobra.Command) error {
	unseen, why := remoteFlags, "has no meaning without --remote"
	if r.on {
		unseen, why = localFlags, "is for runs on this machine, not for --remote"
	}
	for _, name := range unseen {
		if c.Flags().Changed(name) {
			return fault.Input("UsageInvalid", "--%s %s", name, why).Fix("leave it out")
		}
	}
	if c.Flags().Changed("interruptible") {
		r.launch.Interruptible = &r.interruptible
	}
	return nil
}

// runRemote launches the pipeline on a cluster and watches it.
func (e *execution) runRemote(ctx context.Context, c *cobra.Command, r *remoteRun) error {
	w := c.OutOrStdout()
	read, err := e.load(ctx)
	if err != nil {
		return err
	}
	warn(w, read.config)
	if r.launch.Name == "" {
		r.launch.Name = remote.NewName()
	}
	run := e.runID
	if run == "" {
		run = r.launch.Name // as resolve-config will
	}
	settings, err := read.resolve(ctx, run)
	if err != nil {
		return err // what resolve-config will refuse, before anything is begun
	}
	warnLocal(w, read.config.Paths(), e.storage)
	client, err := r.connect(c.ErrOrStderr())
	if err != nil {
		return err
	}
	defer client.Close()
	if err := placed(client); err != nil {
		return err
	}
	if r.launch.Inputs, err = read.sent(r.launch.Plan); err != nil {
		return err
	}
	id, err := client.Launch(ctx, r.launch)
	if err != nil {
		return err
	}
	begun(w, client, id)
	if e.runID != "" {
		fmt.Fprintf(w, "note: Relaunch in the console takes run_id %s along, and goes on in its directory: empty the field there for one of its own\n", e.runID)
	}
	if r.detach {
		fmt.Fprintf(w, "  watch   constellation status %s --follow\n", remote.Name(id))
		return nil
	}
	watched := watching{cluster: r.cluster, events: e.events}
	if err := watched.watch(ctx, w, client, id); err != nil {
		if fault.KindOf(err) != fault.Canceled {
			fmt.Fprintf(w, "\n  why        constellation logs %s\n  once mended, nodes that succeeded are kept by\n             constellation recover %s\n  and tiles that failed are tried again by the same command: what is right comes from the cache\n", remote.Name(id), remote.Name(id))
		}
		return err
	}
	outputs, err := client.Outputs(ctx, id)
	if err != nil {
		return err
	}
	if r.launch.Plan == shearPlan {
		var out workflows.ShearOut
		if err := literal.Unmarshal(outputs, &out); err != nil {
			return err
		}
		if err = conclude(ctx, w, settings, out); err == nil {
			return nil
		}
		fmt.Fprintf(w, "\nthe execution succeeded; its products can't be read from here: %v\n", err)
	}
	printOutputs(w, outputs)
	return nil
}

// sent are the inputs as a launch plan takes them: that of upkeep has no use for
// what only runs have, and refuses it where it was given.
func (c *loaded) sent(plan string) (*core.LiteralMap, error) {
	in := c.inputs()
	if strings.HasPrefix(plan, upkeepPlan) && len(in.TileIDs)+len(in.Grid)+len(in.StorageBase)+len(in.RunID) == 0 {
		return literal.Marshal(workflows.UpkeepIn{ConfigYAML: in.ConfigYAML})
	}
	return literal.Marshal(in)
}

// begun says that an execution is there, and where to see it.
func begun(w io.Writer, client *remote.Client, id *core.WorkflowExecutionIdentifier) {
	fmt.Fprintf(w, "execution %s\n", remote.Name(id))
	if link := client.Link(id); link != "" {
		fmt.Fprintln(w, link)
	}
}

// warnLocal names paths that only machines with this directory can read.
func warnLocal(w io.Writer, paths map[string]string, storage string) {
	if storage != "" {
		paths["output.storage_base_uri"] = storage
	}
	for _, key := range slices.Sorted(maps.Keys(paths)) {
		if path := absolutePath(paths[key]); strings.HasPrefix(path, "/") {
			fmt.Fprintf(w, "warning: %s is %s: the cluster's pods have to see that directory under the same path\n", key, path)
		}
	}
}
