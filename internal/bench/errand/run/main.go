// run does the errand that it reads from standard input, and says on standard
// output what came of it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/cosmostat/constellation/internal/bench/errand"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var e errand.Errand
	if err := json.NewDecoder(os.Stdin).Decode(&e); err != nil {
		return err
	}
	a, err := e.Do(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}
