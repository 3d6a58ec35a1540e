package task

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// arguments of an executable; see contract.arguments for what the engine fills in.
type arguments struct {
	inputs, outputs, raw       string
	checkpoint, prevCheckpoint string
	template                   string
	element                    element
	describe, help             bool
}

// element is the flag --element: alone, the index stands in the environment;
// as --element=3, for running by hand, it is given.
type element struct {
	set   bool
	index int // -1: in the environment
}

func (e *element) String() string   { return "" }
func (e *element) IsBoolFlag() bool { return true }

func (e *element) Set(text string) error {
	if text == "true" {
		*e = element{set: true, index: -1}
		return nil
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 {
		return errors.New("want an index from 0")
	}
	*e = element{set: true, index: i}
	return nil
}

// parse reads the command line. Also with an error it returns what it
// understood: an output prefix is enough for an error document. By hand it may be
// left out, and is then a new temporary directory.
func parse(c *contract, args []string, byHand bool) (arguments, error) {
	var a arguments
	f := flag.NewFlagSet(c.decl.Executable(), flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&a.inputs, "inputs", "", "")
	f.StringVar(&a.outputs, "output-prefix", "", "")
	f.StringVar(&a.raw, "raw-output-prefix", "", "")
	f.StringVar(&a.checkpoint, "checkpoint-prefix", "", "")
	f.StringVar(&a.prevCheckpoint, "prev-checkpoint-prefix", "", "")
	f.BoolVar(&a.describe, "describe", false, "")
	if c.Mappable() {
		f.Var(&a.element, "element", "")
	}
	if c.dynamic {
		f.StringVar(&a.template, "task-template", "", "")
	}
	err := f.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) { // where an error document would go may stand further on
		a.outputs = outputPrefix(args)
	}
	a.help = errors.Is(err, flag.ErrHelp)
	switch {
	case a.help || a.describe:
		return a, nil
	case err != nil && !c.Mappable() && strings.Contains(err.Error(), "not defined: -element"):
		err = fmt.Errorf("--element: %s is not mapped over anything", c.decl.Name)
	case err != nil:
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	case a.outputs == "" && !byHand:
		err = errors.New("--output-prefix is missing")
	case a.inputs == "" && len(c.inputs) > 0:
		err = errors.New("--inputs is missing")
	case a.outputs == "":
		a.outputs, err = os.MkdirTemp("", c.decl.Executable()+"-")
	}
	if a.raw == "" {
		a.raw = a.outputs
	}
	if a.prevCheckpoint == `""` { // how the engine spells "there is none"
		a.prevCheckpoint = ""
	}
	return a, err
}

// outputPrefix finds the output prefix among arguments that can't be parsed.
func outputPrefix(args []string) string {
	for i, arg := range args {
		name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-") || name != "output-prefix":
		case given:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}
