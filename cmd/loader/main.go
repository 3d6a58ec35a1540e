//go:build unix

// loader fetches a stage's executable from the object store and becomes it.
//
//	loader URI sha256:HEX NAME [argument of the stage]...
//
// With it, the tasks of one container image run code that was registered after
// the image was built. The executable is kept in a directory by its checksum,
// verified whenever it is used, and started by exec under the name /bin/NAME,
// by which one that holds several stages knows which is meant: arguments,
// environment, process id and signals are the stage's own.
//
// LOADER_CACHE names the directory (a volume that pods of a node share saves
// the download); where it can't be used, one below the directory for temporary
// files is. What goes wrong becomes error.pb under the stage's --output-prefix,
// as a stage's own failures do.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// contract makes failures of the loader look like those of a stage.
var contract = task.Define[struct{}, struct{}](task.Declaration{
	Name: "loader", Doc: "Fetches a stage's executable and becomes it.",
})

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	store := objstore.Open(context.WithoutCancel(ctx), objstore.Config{})
	become := func(path string, args []string) error {
		signal.Reset() // from here on a signal meets the default action, and then the stage's own
		if err := ctx.Err(); err != nil {
			return err
		}
		return syscall.Exec(path, args, os.Environ())
	}
	os.Exit(run(ctx, os.Args[1:], cacheDir(), task.Process{
		Env: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr, Store: store,
	}, become))
}

// cacheDir is the directory that was named, where it can be used: a node whose
// volume is missing runs the stage all the same.
func cacheDir() string {
	own := filepath.Join(os.TempDir(), "loader")
	dir := os.Getenv("LOADER_CACHE")
	if dir == "" {
		return own
	}
	err := os.MkdirAll(dir, 0o777)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".probe-"); err == nil {
			f.Close()
			err = os.Remove(f.Name())
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "loader: LOADER_CACHE is not used: %v\n", err)
		return own
	}
	return dir
}

// run loads and becomes the executable. It returns, with an exit code, only
// where that failed.
func run(ctx context.Context, args []string, cache string, p task.Process, become func(path string, args []string) error) int {
	load := func(ctx context.Context) error {
		e, rest, err := parse(args)
		if err != nil {
			return err
		}
		path, err := e.fetch(ctx, p.Store, cache)
		if err != nil {
			return err
		}
		return unusable(path, e, become(path, append([]string{"/bin/" + e.name}, rest...)))
	}
	prefix := outputPrefix(args)
	if prefix == "" { // by hand, e.g. for the stage's --help
		fmt.Fprintln(p.Stderr, "loader:", load(ctx))
		return 2
	}
	p.Args = []string{"--output-prefix", prefix}
	return contract.Execute(ctx, p, func(ctx context.Context, _ struct{}) (struct{}, error) { return struct{}{}, load(ctx) })
}

// executable is one that the object store holds.
type executable struct{ uri, sum, name string }

func parse(args []string) (executable, []string, error) {
	wrong := func(format string, a ...any) (executable, []string, error) {
		return executable{}, nil, fault.Input("ArgumentsInvalid", format, a...).Fix("loader URI sha256:HEX NAME [argument of the stage]...")
	}
	if len(args) < 3 {
		return wrong("%d arguments", len(args))
	}
	sum, ok := strings.CutPrefix(args[1], "sha256:")
	if !ok || len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
		return wrong("%q is not sha256: and 64 hexadecimal digits", args[1])
	}
	if name := args[2]; name == "" || strings.ContainsAny(name, "/ ") {
		return wrong("%q is not the name of an executable", name)
	}
	return executable{args[0], sum, args[2]}, args[3:], nil
}

// outputPrefix finds where the stage's error document belongs, as the stage's
// own parser would.
func outputPrefix(args []string) string {
	for i, a := range args {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-"), "=")
		switch {
		case !strings.HasPrefix(a, "-") || name != "output-prefix":
		case ok:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}

// unusable explains why an executable didn't start.
func unusable(path string, e executable, err error) error {
	switch err {
	case syscall.ENOEXEC:
		return fault.Input("ExecutableUnusable", "not a program of this machine: %w", err).On(e.uri).Fix("build it for the nodes' system and processor")
	case syscall.EACCES, syscall.EPERM:
		return fault.Input("ExecutableUnusable", "%s may not be executed: %w", path, err).On(e.uri).Fix("name a directory in LOADER_CACHE that is not mounted noexec")
	case context.Canceled:
		return err
	}
	return fmt.Errorf("start %s: %w", path, err)
}
