package main

import (
	"github.com/spf13/pflag"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// planFlags are the flags that every launch plan takes its settings from.
type planFlags struct {
	labels, annotations, env           map[string]string
	parallelism                        int
	account, role, rawOutput           string
	overwriteCache, interruptible      bool
	email, slack, pagerDuty, notifyFor []string
}

func (p *planFlags) flags(f *pflag.FlagSet) {
	f.StringToStringVar(&p.labels, "label", nil, "label of executions and pods, as KEY=VALUE")
	f.StringToStringVar(&p.annotations, "annotation", nil, "annotation likewise")
	f.StringToStringVar(&p.env, "env", nil, "environment variable of every container, as KEY=VALUE; no secrets, since anybody who may look at an execution reads it")
	f.IntVar(&p.parallelism, "max-parallelism", 0, "nodes of an execution that run at once (default: max_parallelism of the configuration)")
	f.StringVar(&p.account, "service-account", "", "Kubernetes service account of the pods")
	f.StringVar(&p.role, "iam-role", "", "cloud role of the pods")
	f.StringVar(&p.rawOutput, "raw-output-prefix", "", "URI under which tasks write their blobs")
	f.BoolVar(&p.overwriteCache, "overwrite-cache", false, "run everything, and replace what the cache holds")
	f.BoolVar(&p.interruptible, "interruptible", false, "whether nodes that don't say may run on spot machines (default: as the cluster says)")
	f.StringSliceVar(&p.email, "notify-email", nil, "mail to these addresses when an execution ends")
	f.StringSliceVar(&p.slack, "notify-slack", nil, "mail to these Slack addresses")
	f.StringSliceVar(&p.pagerDuty, "notify-pagerduty", nil, "mail to these PagerDuty addresses")
	f.StringSliceVar(&p.notifyFor, "notify-on", []string{"failed", "timed_out", "aborted"}, "phases that are told of; succeeded is the fourth")
}

func (p *planFlags) settings(f *pflag.FlagSet) (spec.PlanSettings, error) {
	s := spec.PlanSettings{
		Labels: p.labels, Annotations: p.annotations, Env: p.env, MaxParallelism: p.parallelism,
		ServiceAccount: p.account, IAMRole: p.role, RawOutputPrefix: p.rawOutput, OverwriteCache: p.overwriteCache,
	}
	if f.Changed("interruptible") {
		s.Interruptible = &p.interruptible
	}
	var phases []core.WorkflowExecution_Phase
	for _, name := range p.notifyFor {
		phase, err := spec.ParsePhase(name)
		if err != nil {
			return s, fault.Input(codeUsage, "--notify-on: %w", err)
		}
		phases = append(phases, phase)
	}
	for _, n := range []struct {
		channel    spec.Channel
		recipients []string
	}{{spec.Email, p.email}, {spec.Slack, p.slack}, {spec.PagerDuty, p.pagerDuty}} {
		if len(n.recipients) > 0 {
			s.Notifications = append(s.Notifications, spec.Notification{Channel: n.channel, Recipients: n.recipients, Phases: phases})
		}
	}
	return s, nil
}
