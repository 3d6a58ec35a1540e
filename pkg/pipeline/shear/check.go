package shear

import (
	"context"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
)

// Check fails where a commit would: whatever a catalogue lacks is better known
// before the first tile than after the last.
func Check(ctx context.Context, in pipeline.CheckCatalogIn) (out pipeline.CheckCatalogOut, err error) {
	env := task.From(ctx)
	if out.Tables, err = catalog.Usable(ctx, in.Catalog, env.Store()); err != nil {
		return out, err
	}
	env.Log.Info("the catalogue can be committed to", "tables", out.Tables)
	t := report.Table{}
	t.Add("catalogue", catalog.Redacted(in.Catalog.URI))
	t.Add("warehouse", in.Catalog.Warehouse)
	t.Add("table", in.Catalog.Namespace+"."+in.Catalog.Table)
	for _, name := range out.Tables {
		t.Add("is there, and laid as it must be", name)
	}
	env.Deck.AddHTML("Catalogue", t.HTML())
	return out, nil
}
