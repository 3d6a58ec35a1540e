package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// CheckCatalogIn is where a run is to end.
type CheckCatalogIn struct {
	Catalog settings.Catalog `flyte:"catalog" doc:"the Iceberg tables"`
}

// CheckCatalogOut is what was found there.
type CheckCatalogOut struct {
	Tables []string `flyte:"tables" doc:"the tables that are there already; the others are made by the first commit"`
}

// CheckCatalog is never cached: its answer is of the moment. It has what assembly
// has, and no file or table stays of it.
var CheckCatalog = task.Define[CheckCatalogIn, CheckCatalogOut](task.Declaration{
	Name:      "check_catalog",
	Doc:       "Finds out, before any tile is begun, whether results can be committed to the Iceberg tables.",
	Resources: task.Resources{CPU: "1", Memory: "1Gi"},
	Retries:   3,
	Deck:      true,
})
