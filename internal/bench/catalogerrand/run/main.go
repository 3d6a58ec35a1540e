// run does the errand that it reads from standard input, and says on standard
// output what came of it. It links what assemble-catalog does, whose pages count as
// memory, too.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/cosmostat/constellation/internal/bench/catalogerrand"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

// What assemble-catalog links besides; so that the linker keeps it, it has to be in use.
var linked = []any{task.Main[pipeline.AssembleCatalogIn, pipeline.AssembleCatalogOut]}

func main() {
	if len(linked) == 0 {
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var e catalogerrand.Errand
	if err := json.NewDecoder(os.Stdin).Decode(&e); err != nil {
		return err
	}
	a, err := e.Run(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}
