// resolve-config merges the configuration file with what was given at launch.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
)

func main() { task.Main(pipeline.ResolveConfig, resolve.Config) }
