// Stage is every executable of the scenarios: the name by which it is called
// says which. Most endings are the SDK's; those that a well-behaved task can't
// have are made by hand.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/scenarios/stages"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "scenario-work":
		task.Main(stages.Work, func(ctx context.Context, in stages.WorkIn) (stages.WorkOut, error) {
			return work(ctx, in)
		})
	case "scenario-keep":
		task.Main(stages.Keep, func(ctx context.Context, in stages.KeepIn) (stages.WorkOut, error) {
			return work(ctx, stages.WorkIn{Do: in.Do, X: in.X, Place: in.Place})
		})
	case "scenario-sum":
		task.Main(stages.Sum, sum)
	case "scenario-split":
		task.Main(stages.Split, split)
	case "scenario-fan":
		task.MainDynamic(stages.Fan, fan)
	case "scenario-keep-fan":
		task.MainDynamic(stages.KeepFan, func(ctx context.Context, in stages.KeepFanIn) (task.FanOut[stages.TileIn], error) {
			return fan(ctx, stages.FanIn{Xs: in.Xs, Place: in.Place})
		})
	case "scenario-write":
		task.Main(stages.Write, func(ctx context.Context, in stages.WriteIn) (stages.WriteOut, error) {
			info, err := objstore.WriteFile(ctx, task.From(ctx).Store(), objstore.Join(in.Place, "file"), []byte("seven b"))
			return stages.WriteOut{File: literal.Blob{URI: info.URI}}, err
		})
	case "scenario-read":
		task.Main(stages.Read, func(ctx context.Context, in stages.ReadIn) (stages.WorkOut, error) {
			raw, err := objstore.ReadFile(ctx, task.From(ctx).Store(), in.File.URI)
			return stages.WorkOut{Y: int64(len(raw))}, err
		})
	case "scenario-batches":
		task.MainDynamic(stages.Batches, batches)
	default:
		fmt.Fprintf(os.Stderr, "there is no stage %q\n", name)
		os.Exit(2)
	}
}

func work(ctx context.Context, in stages.WorkIn) (out stages.WorkOut, err error) {
	env := task.From(ctx)
	word, argument, _ := strings.Cut(in.Do, ":")
	number, _ := strconv.Atoi(argument)
	early := env.Identity().Attempt < number
	switch {
	case word == "bad":
		return out, fault.Input("Refused", "%d is no good", in.X)
	case word == "busy" && early:
		return out, fault.Passing("Busy", "come back later")
	case word == "bug":
		panic("as I was told")
	case word == "exit":
		os.Exit(number)
	case word == "killed" && early:
		return out, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case word == "turns" && early && env.Identity().Attempt%2 == 1:
		return out, fault.Passing("Busy", "come back later")
	case word == "turns" && early:
		return out, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case word == "hang" && early:
		write(ctx, "pid", []byte(strconv.Itoa(os.Getpid())))
		<-ctx.Done()
		return out, ctx.Err()
	case word == "switch":
		if _, err := env.Store().Stat(ctx, objstore.Join(in.Place, argument)); fault.CodeOf(err) == "NotFound" {
			return out, fault.Input("Refused", "the switch is off").On(argument)
		} else if err != nil {
			return out, err
		}
	case word == "silent":
		os.Exit(0)
	case word == "partial":
		write(ctx, "outputs.pb", encode(&core.LiteralMap{}))
		os.Exit(0)
	case word == "mistyped":
		write(ctx, "outputs.pb", encode(&core.LiteralMap{Literals: map[string]*core.Literal{"y": {
			Value: &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_Primitive{
				Primitive: &core.Primitive{Value: &core.Primitive_StringValue{StringValue: "ten"}}}}},
		}}}))
		os.Exit(0)
	case word == "error-exit":
		fail(ctx, core.ContainerError_NON_RECOVERABLE, core.ExecutionError_USER)
		os.Exit(1)
	case word == "system" && early:
		fail(ctx, core.ContainerError_RECOVERABLE, core.ExecutionError_SYSTEM)
		os.Exit(0)
	case word == "error-futures":
		write(ctx, "futures.pb", encode(&core.DynamicJobSpec{}))
		fail(ctx, core.ContainerError_NON_RECOVERABLE, core.ExecutionError_USER)
		os.Exit(0)
	case word == "no-nodes":
		write(ctx, "futures.pb", encode(&core.DynamicJobSpec{}))
		os.Exit(0)
	}
	return stages.WorkOut{Y: 10 * in.X}, nil
}

// fail writes error.pb.
func fail(ctx context.Context, kind core.ContainerError_Kind, origin core.ExecutionError_ErrorKind) {
	write(ctx, "error.pb", encode(&core.ErrorDocument{Error: &core.ContainerError{
		Code: "Refused", Message: "as I was told", Kind: kind, Origin: origin,
	}}))
}

func encode(m proto.Message) []byte {
	raw, err := proto.Marshal(m)
	check(err)
	return raw
}

// write leaves a file where the engine looks for outputs.
func write(ctx context.Context, name string, raw []byte) {
	for i, a := range os.Args {
		if a == "--output-prefix" {
			_, err := objstore.WriteFile(ctx, task.From(ctx).Store(), objstore.Join(os.Args[i+1], name), raw)
			check(err)
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func sum(_ context.Context, in stages.SumIn) (stages.WorkOut, error) {
	var out stages.WorkOut
	for _, x := range in.Xs {
		if x == nil {
			out.Y += 1_000_000
		} else {
			out.Y += *x
		}
	}
	return out, nil
}

func split(_ context.Context, in stages.SplitIn) (stages.SplitOut, error) {
	return stages.SplitOut{Xs: []int64{in.X, in.X + 1}, Dos: []string{"ok", in.Do}}, nil
}

func fan(ctx context.Context, in stages.FanIn) (task.FanOut[stages.TileIn], error) {
	out := task.FanOut[stages.TileIn]{Branch: in.Branch}
	for i, x := range in.Xs {
		tile := stages.TileIn{X: x, Do: "ok", Place: in.Place}
		if i < len(in.Dos) {
			tile.Do = in.Dos[i]
		}
		if tile.Do == "error" {
			fail(ctx, core.ContainerError_NON_RECOVERABLE, core.ExecutionError_USER)
			tile.Do = "ok"
		}
		out.Items = append(out.Items, tile)
	}
	return out, nil
}

func batches(_ context.Context, in stages.BatchesIn) (task.FanOut[stages.FanIn], error) {
	out := task.FanOut[stages.FanIn]{Branch: in.Branch}
	for from := 0; from < len(in.Xs); from += int(in.Size) {
		to := min(from+int(in.Size), len(in.Xs))
		b := stages.FanIn{Xs: in.Xs[from:to], Place: in.Place, Dos: []string{}}
		if from < len(in.Dos) {
			b.Dos = in.Dos[from:min(to, len(in.Dos))]
		}
		out.Items = append(out.Items, b)
	}
	return out, nil
}
