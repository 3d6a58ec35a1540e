// Count-words is the example stage that tests run: its mode says how it ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"syscall"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func main() { task.Main(example.CountWords, run) }

func run(ctx context.Context, in example.CountIn) (example.CountOut, error) {
	env := task.From(ctx)
	env.Deck.AddHTML("Words", "<p>counting</p>")
	out := example.CountOut{Words: in.Line*10 + int64(len(in.Skip))}
	switch in.Mode {
	case "bad input":
		return out, fmt.Errorf("count: %w", fault.Input("TextMissing", "no such text").On("s3://b/text").At("line %d", in.Line).Fix("name one that exists"))
	case "bad data":
		return out, fault.Data("", "the text is broken")
	case "transient":
		return out, fault.Passing("Throttled", "slow down")
	case "plain":
		return out, errors.New("just so")
	case "gave up":
		return out, fmt.Errorf("sibling: %w", context.Canceled)
	case "panic":
		var m map[string]int
		m["x"] = 1
	case "no blob":
		return out, nil
	case "hang", "hang and fail":
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // as the kubelet would, without a race in the test
		<-ctx.Done()
		if err := env.Checkpoint().Save(ctx, "state", "half"); err != nil {
			return out, err
		}
		if in.Mode == "hang" {
			return out, nil // even then: whoever is told to go writes no outputs
		}
		return out, fault.Input("X", "confused by the signal")
	case "save and die", "die", "resume":
		done := 0
		if _, err := env.Checkpoint().Load(ctx, "done", &done); err != nil {
			return out, err
		}
		out.Words = int64(done)
		if in.Mode == "save and die" {
			if err := env.Checkpoint().Save(ctx, "done", done+1); err != nil {
				return out, err
			}
		}
		if in.Mode != "resume" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	case "log":
		slog.Info("from slog")
		log.Print("from log")
	case "interrupt":
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
		<-ctx.Done()
		return out, ctx.Err()
	}
	earlier, err := env.Checkpoint().Earlier(ctx)
	if err != nil {
		return out, err
	}
	text := fmt.Sprintf("%+v earlier=%q skip=%q settings=%+v", env.Identity(), earlier, in.Skip, in.Settings)
	info, err := objstore.WriteFile(ctx, env.Store(), env.Output("report.json"), []byte(text))
	out.Report = literal.Blob{URI: info.URI}
	return out, err
}
