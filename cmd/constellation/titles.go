package main

import (
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// titles tells people which node is meant. A node's path is made of ids, which
// in a fan-out are n0, n1 and so on; the nodes of a fan-out have names of their
// own (tile-102018211), which are enough to know where one is. A tile's is always told.
type titles struct {
	names map[string]string // by path, of nodes that have one
	only  map[string]bool   // paths of fan-outs that have one node
}

// tilePrefix begins the names that pipeline.TileIn gives.
const tilePrefix = "tile-"

func newTitles() *titles { return &titles{names: map[string]string{}, only: map[string]bool{}} }

func (t *titles) learn(e local.Event) {
	if e.Element < 0 && e.Name != "" {
		t.names[e.Node] = e.Name
	}
	if e.Kind == local.Expanded && e.Count == 1 {
		t.only[e.Node] = true
	}
}

// of is the path from the innermost node with a name; what lies in the only
// node of a fan-out is named without that, unless it is a tile.
func (t *titles) of(path string) string {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		name, named := t.names[path[:end]]
		switch parent := path[:max(0, strings.LastIndexByte(path[:end], '/'))]; {
		case !named:
		case t.only[parent] && end < len(path) && !strings.HasPrefix(name, tilePrefix):
			return path[end+1:]
		default:
			return name + path[end:]
		}
	}
	return path
}

// element is a node, with the element where there is one.
func (t *titles) element(r local.NodeRef) string {
	if r.Element < 0 {
		return t.of(r.Node)
	}
	return fmt.Sprintf("%s[%d]", t.of(r.Node), r.Element)
}
