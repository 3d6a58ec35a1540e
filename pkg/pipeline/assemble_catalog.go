package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// AssembleCatalogIn is a batch of tiles and their outcomes.
type AssembleCatalogIn struct {
	Part        int64              `flyte:"part" doc:"number of the batch in its run"`
	Prepared    []literal.Blob     `flyte:"prepared,format=json" doc:"per tile: its sub-tile directories"`
	Outcomes    [][]*literal.Blob  `flyte:"outcomes" doc:"per tile and sub-tile: what inference said; none where it failed"`
	Destination Destination        `flyte:"destination" doc:"what names the run's products"`
	GPU         GPU                `flyte:"gpu" doc:"what inference asked for: what was too large for it was not scheduled"`
	Inference   settings.Inference `flyte:"inference" doc:"what inferred shear: results have to say so"`
	CommitSettings
}

// AssembleCatalogOut says what was committed.
type AssembleCatalogOut struct {
	Part       literal.Blob `flyte:"part,format=json" doc:"how each tile and sub-tile of the batch ended, and where its products lie"`
	Snapshot   int64        `flyte:"snapshot" doc:"snapshot id of the shear table"`
	ShearRows  int64        `flyte:"shear_rows" doc:"rows of this batch in the shear table"`
	SourceRows int64        `flyte:"source_rows" doc:"rows of this batch in the source table"`
}

// AssembleCatalog commits the results. Running it again leaves one copy of each row.
var AssembleCatalog = task.Define[AssembleCatalogIn, AssembleCatalogOut](task.Declaration{
	Name:      "assemble_catalog",
	Doc:       "Collects the sub-tiles' results, keeps core sources, and commits them to the Iceberg tables.",
	Resources: task.Resources{CPU: "2", Memory: "4Gi"},
	Retries:   3,
	Deck:      true,
})
