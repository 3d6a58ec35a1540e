package report

import (
	"fmt"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Scheduled shows what becomes of each sub-tile of a tile, and by which number
// the console calls it: reports of a map's elements can't be seen there, so what
// they will write is named. The chosen are indices, in the order of the map.
func Scheduled(p *survey.Prepared, chosen []int64, budget int64) string {
	head := Table{}
	head.Add("tile", p.TileID)
	if p.Failure != "" {
		head.Add("failed", p.Failure)
	}
	head.Add("sub-tiles", len(p.SubTiles))
	head.Add("to be inferred", len(chosen))
	table := Table{Header: []string{"sub-tile", "element of infer-subtile", "status", "exposures", "quadrants", "core sources", "directory"}}
	for i, s := range p.SubTiles {
		element, status := "none", s.Status
		if at := slices.Index(chosen, int64(i)); at >= 0 {
			element, status = strconv.Itoa(at), "to be inferred"
		} else if why := p.TooLarge(i, budget); why != "" && s.Status == survey.StatusOK && p.Failure == "" {
			status = "not inferred: " + why
		}
		table.Add(s.Name(), element, status, s.Exposures, s.Quadrants, s.CoreSources, s.Directory)
	}
	return head.HTML() + table.HTML() +
		"<p>Results, or the reason why there are none, are written to the run's own directory of the sub-tile: results/summary.json, or failure.json. How each ended is in the report of assemble-catalog.</p>\n"
}

// opened is up to how many tiles are shown without a click.
const opened = 8

// Tiles shows how each sub-tile of some tiles ended.
func Tiles(r *survey.Run) string {
	return EachTile(r, []string{"sub-tile", "status", "core sources", "directory", "reason"}, func(s *survey.RunSubTile) []any {
		return []any{s.Name(), s.Status, s.CoreSources, s.Directory, s.Reason}
	})
}

// EachTile is a table for each tile, with a row for each sub-tile.
func EachTile(r *survey.Run, header []string, row func(*survey.RunSubTile) []any) string {
	var b strings.Builder
	for i := range r.Tiles {
		if i == most {
			fmt.Fprintf(&b, "<p>and %d more tiles</p>\n", len(r.Tiles)-most)
			break
		}
		t := &r.Tiles[i]
		table, counts := Table{Header: header}, map[string]int{}
		for j := range t.SubTiles {
			counts[t.SubTiles[j].Status]++
			table.Add(row(&t.SubTiles[j])...)
		}
		var ended []string
		for _, status := range slices.Sorted(maps.Keys(counts)) {
			ended = append(ended, fmt.Sprintf("%d %s", counts[status], status))
		}
		open := ""
		if len(r.Tiles) <= opened {
			open = " open"
		}
		fmt.Fprintf(&b, "<details%s><summary>tile %d: %s</summary>\n", open, t.TileID, html.EscapeString(fault.Text(strings.Join(ended, ", "))))
		if t.Failure != "" {
			fmt.Fprintf(&b, "<p class=\"failure\">%s</p>\n", html.EscapeString(fault.Text(t.Failure)))
		}
		b.WriteString(table.HTML() + list("Exposures left out", t.LeftOut) + "</details>\n")
	}
	return b.String()
}

// Recorded shows where a run's record lies, and what the run was without.
func Recorded(run, uri string, parts, missing, leftOut, notes []string) string {
	head := Table{}
	head.Add("run", run)
	head.Add("record", uri)
	head.Add("products", strings.TrimSuffix(uri, objstore.Base(uri)))
	head.Add("batches of tiles", len(parts))
	return head.HTML() + list("Exposures missing", missing) + list("Tiles left out", leftOut) + list("Not taken", notes)
}
