package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// ValidateCatalogIn is the plan, the catalogue and what it is held to.
type ValidateCatalogIn struct {
	Run         literal.Blob        `flyte:"run,format=json" doc:"run.json: what was planned and how it ended"`
	Destination Destination         `flyte:"destination" doc:"what made the rows"`
	Catalog     settings.Catalog    `flyte:"catalog" doc:"the Iceberg tables"`
	Thresholds  settings.Thresholds `flyte:"thresholds" doc:"what the catalogue is held to"`
	Retention   settings.Retention  `flyte:"retention" doc:"keep or drop_pixels: what becomes of pixels once the catalogue has passed"`
}

// ValidateCatalogOut is the verdict.
type ValidateCatalogOut struct {
	Report   literal.Blob `flyte:"report,format=json" doc:"every figure, its threshold and the verdict"`
	Snapshot int64        `flyte:"snapshot" doc:"snapshot id of the shear table that was validated"`
}

// ValidateCatalog reads the catalogue back and fails where a threshold breaks.
var ValidateCatalog = task.Define[ValidateCatalogIn, ValidateCatalogOut](task.Declaration{
	Name:      "validate_catalog",
	Doc:       "Reads the committed catalogue back and compares it with the plan.",
	Resources: task.Resources{CPU: "2", Memory: "4Gi"},
	Retries:   2,
	Deck:      true,
})
