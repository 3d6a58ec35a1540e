package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// InferSubtileIn names one sub-tile of a prepared tile.
type InferSubtileIn struct {
	Prepared     literal.Blob    `flyte:"prepared,format=json" doc:"the tile's sub-tile directories"`
	SubTile      int64           `flyte:"sub_tile" doc:"index of the sub-tile, row by row"`
	Inference    literal.Blob    `flyte:"inference,format=json" doc:"what infers shear"`
	InferenceKey string          `flyte:"inference_key" doc:"SHA-256 of that, which stands for it in the cache key"`
	Limits       settings.Limits `flyte:"limits" doc:"what bounds it"`
	Destination  Destination     `flyte:"destination" doc:"which run asks"`
}

// InferSubtileOut is what inference said.
type InferSubtileOut struct {
	Outcome literal.Blob `flyte:"outcome" doc:"status, reason, and where the result tables lie"`
}

// VariantCPU is the template of infer_subtile for engines that need no GPU, so
// that no GPU node is woken for them.
const VariantCPU = "_cpu"

// InferSubtile runs inference on one sub-tile directory.
var InferSubtile = task.Define[InferSubtileIn, InferSubtileOut](task.Declaration{
	Name:          "infer_subtile",
	Doc:           "Runs the inference engine on one sub-tile directory and checks what it wrote.",
	Image:         "shine",
	Resources:     task.Resources{CPU: "4", Memory: "16Gi", Storage: "20Gi", GPU: 1},
	Accelerator:   "nvidia-l4",
	PodTemplate:   "constellation-gpu", // deploy/flyte/podtemplate-*.yaml
	Interruptible: true,
	Retries:       2,
	CacheVersion:  "3",
	CacheIgnore:   []string{"inference", "limits", "destination"},
	Over:          []string{"sub_tile"},
	Deck:          true,
	Variants: []task.Variant{{
		Suffix:    VariantCPU,
		Resources: task.Resources{CPU: "2", Memory: "4Gi", Storage: "20Gi"},
	}},
})
