package scenarios

import (
	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

// Scenario is a workflow and what is done with it.
type Scenario struct {
	Name     string
	Doc      string
	Workflow Builder
	Children []Builder // workflows that it starts by their launch plans
	Steps    []Step
	Alone    bool // waiting for others' pods would change what comes of it
	// Except names fields of records that the local engine does not reproduce,
	// as Different or as "step 1: node m[0]: attempts" has them, with the reason.
	Except map[string]string
}

// Builder is a workflow of any type.
type Builder interface {
	Build(spec.Options) (*spec.Bundle, error)
}

// In is what every scenario's workflow takes. Place and Salt are given by whoever
// runs it: where switches lie, and what makes cache keys this run's own.
type In struct {
	Place string   `flyte:"place"`
	Salt  string   `flyte:"salt"`
	Note  string   `flyte:"note"`
	Xs    []int64  `flyte:"xs"`
	Dos   []string `flyte:"dos"`
}

// Step is one execution.
type Step struct {
	Note string
	Xs   []int64
	Dos  []string

	Switches  []string // turned on before
	Remove    []string // files under place, before
	Recover   bool     // the execution before, with its inputs
	Overwrite bool     // what the cache holds
	Faults    []Fault
}

// Fault ends an attempt's process from outside, while it hangs.
type Fault struct {
	Node    string // at the top of the workflow
	Element int    // of a map; -1 elsewhere
	Attempt int
	Action  Action
}

// Action is how a process ends, as the faults file of the cluster has it.
type Action string

// What happens to pods.
const (
	Killed    Action = "SIGKILL"      // the container alone
	Asked     Action = "SIGTERM"      // to end, and given time
	Shutdown  Action = "NodeShutdown" // of the node below the pod
	Preempted Action = "Preempting"   // by a pod of higher priority
	Evicted   Action = "Evicted"      // by a node that runs short
	NoMemory  Action = "OOMKilled"    // over its limit
	Vanished  Action = "Vanish"       // the pod's object itself is gone
)
