// Package catalogerrand is what a benchmark of the catalogue has a process of its own
// do, so that time, memory and traffic are that work's and nothing else's. The
// process is package run, the executable below this one.
package catalogerrand

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/cosmostat/constellation/internal/testing/resulttest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
	"github.com/cosmostat/constellation/pkg/settings"
)

// ProfileEnv names a directory for the processes' profiles.
const ProfileEnv = "CONSTELLATION_BENCH_PROFILE"

// What there is to do.
const (
	Make     = "make"     // what stages leave of a survey
	Assemble = "assemble" // what stages left, as assemble_catalog does
	ByHand   = "by hand"  // the same from the directories alone
	Fill     = "fill"     // commit rows that were never in files
	Replace  = "replace"  // one tile after the other by other rows
	Compact  = "compact"
	Verify   = "verify"
	// VerifyDeep reads the data files as well.
	VerifyDeep = "verify deep"
)

// Errand is one of these.
type Errand struct {
	Do       string
	Settings pipeline.ResolveConfigOut // of a run whose stages left something
	Left     *resulttest.Left

	Catalog settings.Catalog // for the others
	Survey  resulttest.Survey
	Tiles   []int // to replace, by their place in the survey
	Batch   int   // tiles of a commit, to fill
}

// Account is what came of it.
type Account struct {
	Left          *resulttest.Left `json:",omitempty"`
	Rows, Sources int64
	Unchanged     bool
	Making        time.Duration // of rows that were never in files, in one thread
	Each          []Step        // of what was done several times
	Said          string

	Time          time.Duration
	CPU           time.Duration // from the start of the process
	Memory        int64         // peak resident set in bytes, the executable's own pages included
	Read, Written int64         // bytes, the kernel's memory of files included
	Reads, Writes int64         // calls
}

// Step is one of several.
type Step struct {
	Time, CPU     time.Duration
	Read, Written int64
}

// Run does it.
func (e Errand) Run(ctx context.Context) (a *Account, err error) {
	if dir := os.Getenv(ProfileEnv); dir != "" {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d-%s.cpu", os.Getpid(), e.Do)))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	start := time.Now()
	switch e.Do {
	case Make:
		a = new(Account)
		d := e.Settings.Destination
		a.Left, err = e.Survey.Directories(ctx, objstore.Open(ctx, objstore.Config{}), d.RunURI, d.RunURI+"-documents")
	case Assemble, ByHand:
		a, err = e.assemble(ctx)
	default:
		a, err = e.open(ctx)
	}
	if err != nil {
		return nil, err
	}
	a.Time = time.Since(start)
	return a, a.measure()
}

func (e Errand) assemble(ctx context.Context) (*Account, error) {
	s := e.Settings
	ctx = task.With(ctx, task.NewEnvironment(objstore.Open(ctx, objstore.Config{}), s.Destination.RunURI, task.Identity{Execution: s.Destination.Run(), Element: -1}))
	if e.Do == ByHand {
		total, _, err := shear.AssembleDirectories(ctx, s)
		return &Account{Rows: total.ShearRows, Sources: total.SourceRows, Unchanged: total.AllUnchanged(), Said: fmt.Sprintf("%d commits", total.Commits)}, err
	}
	in := pipeline.AssembleCatalogIn{Destination: s.Destination, Inference: s.Inference}
	in.Catalog = s.Catalog
	for i, uri := range e.Left.Prepared {
		in.Prepared = append(in.Prepared, literal.Blob{URI: uri})
		of := []*literal.Blob{}
		for _, outcome := range e.Left.Outcomes[i] {
			of = append(of, &literal.Blob{URI: outcome})
		}
		in.Outcomes = append(in.Outcomes, of)
	}
	out, err := shear.Assemble(ctx, in)
	return &Account{Rows: out.ShearRows, Sources: out.SourceRows}, err
}

func (e Errand) open(ctx context.Context) (*Account, error) {
	c, err := catalog.Open(ctx, e.Catalog)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	do := map[string]func(context.Context, *catalog.Catalog) (*Account, error){
		Fill: e.fill, Replace: e.replace, Compact: e.compact, Verify: e.verify, VerifyDeep: e.verify,
	}[e.Do]
	if do == nil {
		return nil, fmt.Errorf("there is no errand %q", e.Do)
	}
	return do(ctx, c)
}

// measure asks the kernel about this process.
func (a *Account) measure() error {
	var err error
	if a.CPU, err = processors(); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	a.Memory = field(status, "VmHWM:") << 10
	traffic, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return err
	}
	a.Read, a.Written, a.Reads, a.Writes = field(traffic, "rchar:"), field(traffic, "wchar:"), field(traffic, "syscr:"), field(traffic, "syscw:")
	return nil
}

func processors() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// field is a number of a file of /proc; 0 where it isn't there.
func field(text []byte, name string) (n int64) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if is, ok := bytes.CutPrefix(lines.Bytes(), []byte(name)); ok {
			fmt.Sscan(string(is), &n)
		}
	}
	return n
}

// step measures one of several.
func (a *Account) step(do func() error) error {
	before, after := Account{}, Account{}
	if err := before.measure(); err != nil {
		return err
	}
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	took := time.Since(start)
	if err := after.measure(); err != nil {
		return err
	}
	a.Each = append(a.Each, Step{took, after.CPU - before.CPU, after.Read - before.Read, after.Written - before.Written})
	return nil
}
