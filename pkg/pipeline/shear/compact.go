package shear

import (
	"context"
	"strconv"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
)

// Compact looks after the tables: it rewrites what is small, deleted of or of an
// earlier layout, and takes old snapshots out of the metadata. It changes no row, and
// writers may be at work.
func Compact(ctx context.Context, in pipeline.CompactCatalogIn) (out pipeline.CompactCatalogOut, err error) {
	env := task.From(ctx)
	c, err := catalog.OpenExisting(ctx, in.Catalog)
	if err != nil {
		return out, err
	}
	defer c.Close()
	list, err := c.Compact(ctx, catalog.CompactOptions{})
	page := report.Table{}
	for _, t := range list {
		env.Log.Info("compacted", "table", t.Table, "files", t.Files, "rewritten", t.Taken, "written", t.Written, "rows", t.Rows, "commits", t.Commits, "lost", t.Lost)
		if t.Outdated != "" {
			env.Log.Warn("the table has an earlier layout, in which files stay small: run constellation catalog evolve", "table", t.Table, "partitioned by", t.Outdated)
			page.Add("of an earlier layout: run constellation catalog evolve", t.Table)
		}
		page.Add(t.Table, strconv.Itoa(t.Files)+" files, of which "+strconv.Itoa(t.Taken)+" became "+strconv.Itoa(t.Written)+" with "+strconv.FormatInt(t.Rows, 10)+" rows")
		out.Rewritten += int64(t.Taken)
		out.Written += int64(t.Written)
		out.Rows += t.Rows
	}
	if err != nil {
		return out, err
	}
	env.Deck.AddHTML("Catalogue", page.HTML())
	return out, c.Tidy(ctx)
}
