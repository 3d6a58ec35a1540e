package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// Record is what came of one execution.
type Record struct {
	Phase   string         `json:"phase"`
	Error   *Error         `json:"error,omitempty"`
	Outputs map[string]any `json:"outputs,omitempty"`
	Nodes   []Node         `json:"nodes"`
	// Pods is how many processes there were, of child executions too.
	Pods int `json:"pods"`
}

// Error is how a failure is classified.
type Error struct {
	Code string `json:"code,omitempty"`
	// Kind is USER, SYSTEM or UNKNOWN; empty where retries ran out, since the
	// engine then says USER whoever was to blame.
	Kind      string `json:"kind,omitempty"`
	Exhausted bool   `json:"exhausted,omitempty"` // the retries
}

// Node is what became of a node, of a map's element, or of a node inside another
// node or child execution.
type Node struct {
	Node     string `json:"node"` // "fan/n0/work[1]"
	Phase    string `json:"phase"`
	Attempts int    `json:"attempts,omitempty"` // processes
	Code     string `json:"code,omitempty"`     // of the last attempt's failure
	Cache    string `json:"cache,omitempty"`    // hit, populated, skipped, miss; empty where nothing is cached
}

func (e *Error) String() string {
	if e == nil {
		return "none"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s exhausted=%v", e.Kind, e.Code, e.Exhausted))
}

// Sort puts nodes in the order of their names.
func (r *Record) Sort() {
	slices.SortFunc(r.Nodes, func(a, b Node) int { return strings.Compare(a.Node, b.Node) })
}

// Different lists how two records of a step differ: by name of the field, what
// was wanted and what is there.
func Different(want, got Record) map[string]string {
	d := map[string]string{}
	compare := func(name string, want, got any) {
		if w, g := fmt.Sprint(want), fmt.Sprint(got); w != g {
			d[name] = fmt.Sprintf("want %s, got %s", w, g)
		}
	}
	compare("phase", want.Phase, got.Phase)
	compare("error", want.Error, got.Error)
	compare("outputs", want.Outputs, got.Outputs)
	compare("pods", want.Pods, got.Pods)
	nodes := map[string][2]Node{}
	for i, r := range []Record{want, got} {
		for _, n := range r.Nodes {
			pair := nodes[n.Node]
			pair[i] = n
			nodes[n.Node] = pair
		}
	}
	for name, pair := range nodes {
		w, g := pair[0], pair[1]
		at := "node " + name
		if w.Node == "" || g.Node == "" {
			compare(at, presence(w), presence(g))
			continue
		}
		compare(at+": phase", w.Phase, g.Phase)
		compare(at+": attempts", w.Attempts, g.Attempts)
		compare(at+": code", w.Code, g.Code)
		compare(at+": cache", w.Cache, g.Cache)
	}
	return d
}

func presence(n Node) string {
	if n.Node == "" {
		return "no such node"
	}
	return "a node " + n.Phase
}
