package report

import "fmt"

// most is how many batches or tiles a page lists; the others it counts.
const most = 1000

// Batch is one of a fan-out's, by the name of its node.
type Batch struct {
	Node        string
	Tiles       int
	First, Last int64
}

// Batches shows how a run's tiles were cut, and where each batch goes on.
func Batches(batches []Batch, byExecution bool) string {
	tiles, where := 0, "in this execution"
	for _, b := range batches {
		tiles += b.Tiles
	}
	if byExecution {
		where = "in a child execution each"
	}
	table := Table{Header: []string{"node", "tiles", "first", "last"}}
	for _, b := range batches[:min(most, len(batches))] {
		table.Add(b.Node, b.Tiles, b.First, b.Last)
	}
	return Facts("tiles", tiles, "batches", len(batches), "they run", where) + table.HTML() + more(len(batches), "batches")
}

// PlannedTile is one of a fan-out's, by the name of its node.
type PlannedTile struct {
	Node string
	ID   int64
	Plan string // where its plan lies
	Key  string // the SHA-256 of that
}

// PlannedTiles shows which tiles were planned, and what each is to go through.
func PlannedTiles(planned []PlannedTile, branch string) string {
	table := Table{Header: []string{"node", "tile", "plan", "key of the plan"}}
	for _, p := range planned[:min(most, len(planned))] {
		table.Add(p.Node, p.ID, p.Plan, p.Key)
	}
	return Facts("tiles", len(planned), "they go through", branch) + table.HTML() + more(len(planned), "tiles") +
		"<p>A tile with the key of an earlier one is taken from the cache.</p>\n"
}

// more says how many are left out of a list.
func more(n int, what string) string {
	if n <= most {
		return ""
	}
	return fmt.Sprintf("<p>and %d more %s</p>\n", n-most, what)
}
