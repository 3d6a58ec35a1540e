package report_test

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/report"
)

// Pages of fan-outs say how many, which, and where each goes on; of many they list some and count the rest.
func TestFanOut(t *testing.T) {
	for name, c := range map[string]struct {
		page string
		says []string
	}{
		"no tile":    {report.Batches(nil, false), []string{"<td>tiles</td><td>0</td>", "<td>batches</td><td>0</td>"}},
		"one batch":  {report.Batches([]report.Batch{{"batch-0-tile-7", 1, 7, 7}}, false), []string{"<td>they run</td><td>in this execution</td>", "<td>batch-0-tile-7</td><td>1</td><td>7</td><td>7</td>"}},
		"many":       {report.Batches(make([]report.Batch, 1002), true), []string{"in a child execution each", "and 2 more batches"}},
		"a tile":     {report.PlannedTiles([]report.PlannedTile{{"tile-7", 7, "s3://b/7.json", "abc"}}, "gpu"), []string{"<td>they go through</td><td>gpu</td>", "<td>tile-7</td><td>7</td><td>s3://b/7.json</td><td>abc</td>"}},
		"a foreign":  {report.PlannedTiles([]report.PlannedTile{{Plan: "s3://b/<b>\x1b"}}, ""), []string{`s3://b/&lt;b&gt;\u001b`}},
		"many tiles": {report.PlannedTiles(make([]report.PlannedTile, 1001), "cpu"), []string{"<td>tiles</td><td>1001</td>", "and 1 more tiles"}},
	} {
		for _, want := range c.says {
			if !strings.Contains(c.page, want) {
				t.Errorf("%s: no %q in %s", name, want, c.page[:min(600, len(c.page))])
			}
		}
	}
}
