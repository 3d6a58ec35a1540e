// Stage is a task that does as its input "do" tells it. It speaks the raw
// protocol, protos and files, so that the engine is not tested against the SDK
// that it is meant to run.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/objstore"
)

var (
	inputs   = flag.String("inputs", "", "")
	prefix   = flag.String("output-prefix", "", "")
	raw      = flag.String("raw-output-prefix", "", "")
	point    = flag.String("checkpoint-prefix", "", "")
	previous = flag.String("prev-checkpoint-prefix", "", "")
	template = flag.String("task-template", "", "")
	note     = flag.String("note", "", "")
	mapped   = flag.Bool("element", false, "")
	store    objstore.Store
	ctx      = context.Background()
)

func main() {
	flag.Parse()
	store = objstore.Open(ctx, objstore.Config{})
	if dir := os.Getenv("STAGE_PIDS"); dir != "" {
		check(os.WriteFile(filepath.Join(dir, strconv.Itoa(os.Getpid())), nil, 0o644))
	}
	in := new(core.LiteralMap)
	check(proto.Unmarshal(read(*inputs), in))
	do, x := in.Literals["do"], in.Literals["x"]
	if *mapped {
		i, err := strconv.Atoi(os.Getenv(os.Getenv("BATCH_JOB_ARRAY_INDEX_VAR_NAME")))
		check(err)
		do, x = do.GetCollection().Literals[i], x.GetCollection().Literals[i]
	}
	words := strings.Split(do.GetScalar().GetPrimitive().GetStringValue(), ":")
	attempt, err := strconv.Atoi(os.Getenv("FLYTE_ATTEMPT_NUMBER"))
	check(err)
	fmt.Fprintln(os.Stderr, "doing", words)
	if words[0] == "until" { // until:N:what: what, in attempts before the Nth
		if n, _ := strconv.Atoi(words[1]); attempt >= n {
			words = []string{"ok"}
		} else {
			words = words[2:]
		}
	}
	switch words[0] {
	case "error": // error:CODE:kind:origin
		fail(words[1], words[2] == "recoverable", words[3] == "system")
		if len(words) == 4 {
			return
		}
		os.Exit(1) // a fifth word: wrongly after writing error.pb
	case "exit":
		n, _ := strconv.Atoi(words[1])
		os.Exit(n)
	case "killed":
		check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
	case "hang":
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		os.Exit(137)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Hour)
	case "litter": // leaves a process behind that holds the output
		c := exec.Command("sleep", "1000000")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		check(c.Start())
		check(os.WriteFile(filepath.Join(os.Getenv("STAGE_PIDS"), strconv.Itoa(c.Process.Pid)), nil, 0o644))
	case "sleep":
		d, err := time.ParseDuration(words[1])
		check(err)
		time.Sleep(d)
	case "wait": // wait:PATH, for a file
		for {
			if _, err := os.Stat(words[1]); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "file": // y is a file under the raw prefix
		uri := objstore.Join(*raw, "file")
		_, err := objstore.WriteFile(ctx, store, uri, []byte("text"))
		check(err)
		emit(map[string]*core.Literal{"y": {Value: &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_Blob{
			Blob: &core.Blob{Uri: uri, Metadata: &core.BlobMetadata{Type: &core.BlobType{}}}}}}}})
		return
	case "silent":
		return
	case "garbage":
		write("outputs.pb", []byte("\xff\xff\xff"))
		return
	case "partial":
		emit(map[string]*core.Literal{})
		return
	case "huge":
		emit(map[string]*core.Literal{"y": text(strings.Repeat("x", 1<<20))})
		return
	case "futures": // futures:PATH
		b, err := os.ReadFile(strings.Join(words[1:], ":"))
		check(err)
		write("futures.pb", b)
		return
	case "identity":
		t := new(core.TaskTemplate)
		check(proto.Unmarshal(read(*template), t))
		who, err := json.Marshal(map[string]any{
			"argv": os.Args[1:], "env": os.Environ(), "template": t.Id.Name, "note": *note,
			"raw": *raw, "checkpoint": *point, "previous": *previous,
		})
		check(err)
		emit(map[string]*core.Literal{"y": integer(0), "who": text(string(who))})
		return
	case "sum": // of what is there in x; how many are not goes a million times on top
		sum := int64(0)
		for _, l := range x.GetCollection().GetLiterals() {
			if l.GetScalar().GetNoneType() != nil {
				sum += 1_000_000
			}
			sum += l.GetScalar().GetPrimitive().GetInteger()
		}
		emit(map[string]*core.Literal{"y": integer(sum)})
		return
	}
	emit(map[string]*core.Literal{"y": integer(10 * x.GetScalar().GetPrimitive().GetInteger())})
}

func read(uri string) []byte {
	b, err := objstore.ReadFile(ctx, store, uri)
	check(err)
	return b
}

func write(name string, b []byte) {
	_, err := objstore.WriteFile(ctx, store, objstore.Join(*prefix, name), bytes.Clone(b))
	check(err)
}

func emit(m map[string]*core.Literal) {
	b, err := proto.Marshal(&core.LiteralMap{Literals: m})
	check(err)
	write("outputs.pb", b)
}

func fail(code string, recoverable, system bool) {
	e := &core.ContainerError{Code: code, Message: "as I was told", Origin: core.ExecutionError_USER}
	if recoverable {
		e.Kind = core.ContainerError_RECOVERABLE
	}
	if system {
		e.Origin = core.ExecutionError_SYSTEM
	}
	b, err := proto.Marshal(&core.ErrorDocument{Error: e})
	check(err)
	write("error.pb", b)
}

func integer(n int64) *core.Literal {
	return primitive(&core.Primitive{Value: &core.Primitive_Integer{Integer: n}})
}

func text(s string) *core.Literal {
	return primitive(&core.Primitive{Value: &core.Primitive_StringValue{StringValue: s}})
}

func primitive(p *core.Primitive) *core.Literal {
	return &core.Literal{Value: &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_Primitive{Primitive: p}}}}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "stage:", err)
		os.Exit(1)
	}
}
