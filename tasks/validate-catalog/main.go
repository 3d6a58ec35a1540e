// validate-catalog reads the committed catalogue back and holds it to the plan.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/survey"
)

func main() { task.Main(pipeline.ValidateCatalog, run) }

func run(ctx context.Context, in pipeline.ValidateCatalogIn) (out pipeline.ValidateCatalogOut, err error) {
	env := task.From(ctx)
	planned, err := survey.Load[assemble.Run](ctx, env.Store(), in.Run.URI)
	if err != nil {
		return out, err
	}
	c, err := catalog.Open(ctx, catalog.Settings(in.Catalog))
	if err != nil {
		return out, err
	}
	defer c.Close()
	verdict, err := c.Validate(ctx, planned.Plan(), catalog.Thresholds(in.Thresholds))
	if err != nil {
		return out, err
	}
	env.Deck.AddHTML("Validation", catalogue.Validation(verdict))
	out.Report = literal.Blob{URI: env.Output("validation.json"), Format: "json"}
	if err := survey.Save(ctx, env.Store(), out.Report.URI, verdict); err != nil {
		return out, err
	}
	return out, planned.Judge(verdict)
}
