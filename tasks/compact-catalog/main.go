// compact-catalog rewrites the tables' small files to few large ones.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

func main() { task.Main(pipeline.CompactCatalog, shear.Compact) }
