package spec

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
)

// A node's id becomes part of pod names and paths.
var idRE = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

// check finds what is wrong with the graph as a whole; what was wrong with
// single lines has been collected before.
func (g *graph) check() []error {
	errs := slices.Clone(g.errs)
	bad := func(at, format string, a ...any) {
		errs = append(errs, fmt.Errorf("%s: %w", at, fmt.Errorf(format, a...)))
	}
	if len(g.nodes) == 0 {
		bad(g.name, "the workflow has no nodes")
	}
	ids := map[string]string{}
	for _, n := range g.nodes {
		names := []string{n.id}
		if n.kind == mapped {
			names = append(names, n.id+elementSuffix)
		}
		for _, id := range names {
			if at, twice := ids[id]; twice {
				bad(n.at, "node id %q is taken at %s: give one of them an ID", id, at)
			}
			ids[id] = n.at
		}
		if !idRE.MatchString(n.id) || n.id == "start-node" || n.id == "end-node" {
			bad(n.at, "node id %q: use a-z, 0-9 and dashes, and not start-node or end-node", n.id)
		}
		var missing []string
		for _, f := range n.inputs {
			if n.bindings[f.Name] == nil && !f.Optional() && !n.planned(f.Name) {
				missing = append(missing, f.Name)
			}
		}
		if len(missing) > 0 {
			bad(n.at, "node %s: nothing feeds %s", n.id, strings.Join(missing, ", "))
		}
		for _, e := range n.after {
			if !slices.Contains(g.nodes, e) {
				bad(n.at, "node %s runs after %s, which is in another workflow", n.id, e.id)
			}
		}
	}
	for _, f := range g.outputs {
		if g.results[f.Name] == nil {
			bad(g.name, "nothing feeds the workflow's output %s", f.Name)
		}
	}
	if c := g.cycle(); c != "" {
		bad(g.name, "nodes wait for each other: %s", c)
	}
	return errs
}

// cycle returns nodes that wait for each other, as "a <- b <- a", or "".
func (g *graph) cycle() string {
	const visiting, done = 1, 2
	state := map[*node]int{}
	var path []string
	var visit func(n *node) string
	visit = func(n *node) string {
		path = append(path, n.id)
		defer func() { path = path[:len(path)-1] }()
		switch state[n] {
		case done:
			return ""
		case visiting:
			return strings.Join(path[slices.Index(path, n.id):], " <- ")
		}
		state[n] = visiting
		for _, up := range slices.Concat(n.upstream, n.after) {
			if c := visit(up); c != "" {
				return c
			}
		}
		state[n] = done
		return ""
	}
	for _, n := range g.nodes {
		if c := visit(n); c != "" {
			return c
		}
	}
	return ""
}

// recursion returns workflows that use each other, as "a > b > a", or "".
func (g *graph) recursion() string {
	var path []*graph
	done := map[*graph]bool{}
	var visit func(g *graph) string
	visit = func(g *graph) string {
		if i := slices.Index(path, g); i >= 0 {
			var names []string
			for _, g := range append(path[i:], g) {
				names = append(names, g.name)
			}
			return strings.Join(names, " > ")
		}
		if done[g] {
			return ""
		}
		path = append(path, g)
		defer func() { path, done[g] = path[:len(path)-1], true }()
		for _, n := range g.nodes {
			used := []*graph{n.sub}
			for _, b := range n.branches {
				if !b.plan {
					used = append(used, b.g)
				}
			}
			for _, u := range used {
				if u == nil {
					continue
				}
				if c := visit(u); c != "" {
					return c
				}
			}
		}
		return ""
	}
	return visit(g)
}

// planned tells whether the launch plan that the node launches has a default
// for an input.
func (n *node) planned(input string) bool {
	return n.kind == launched && n.sub.defaults[input] != nil
}

// checkBranches holds the branches of a dynamic task to its contract: they take
// its items, and give, under each name, one element of its list.
func (n *node) checkBranches(g *graph) {
	if len(n.branches) == 0 {
		g.bad(n.at, "node %s: a dynamic task needs a Branch to multiply", n.id)
	}
	seen := map[string]bool{}
	for _, b := range n.branches {
		if !idRE.MatchString(b.name) {
			g.bad(n.at, "branch name %q: use a-z, 0-9 and dashes", b.name)
		}
		if seen[b.name] {
			g.bad(n.at, "branch %s stands twice", b.name)
		}
		seen[b.name] = true
		if b.item != n.item {
			g.bad(n.at, "branch %s takes %v, and %s multiplies by %v", b.name, b.item, n.task.Name(), n.item)
		}
		gives := map[string]literal.Field{}
		for _, f := range b.g.outputs {
			gives[f.Name] = f
		}
		for _, f := range n.outputs {
			if f.Go.Kind() != reflect.Slice {
				continue // refused at the declaration
			}
			want := f.Type.GetCollectionType()
			got, ok := gives[f.Name]
			delete(gives, f.Name)
			switch {
			case !ok:
				g.bad(n.at, "branch %s gives no %s (%s), which %s lists", b.name, f.Name, literal.TypeName(want), n.task.Name())
			case !literal.Accepts(want, got.Type):
				g.bad(n.at, "branch %s gives %s as %s, and %s lists %s", b.name, f.Name, literal.TypeName(got.Type), n.task.Name(), literal.TypeName(want))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(gives)) {
			g.bad(n.at, "branch %s gives %s, which is no output of %s", b.name, name, n.task.Name())
		}
	}
}
