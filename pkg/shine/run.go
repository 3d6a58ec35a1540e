package shine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Codes of this package's failures.
const (
	CodeEngine     = "EngineUnknown"     // bad input
	CodeCommand    = "CommandInvalid"    // bad input: can't be started, or refuses its arguments
	CodeIncomplete = "SubTileIncomplete" // bad data: a file of the sub-tile is not as its manifest says
	CodeDropped    = "PixelsDropped"     // bad input: output.retention is drop_pixels, and they are measured
	CodeFailed     = "InferenceFailed"   // the command exited non-zero
	CodeKilled     = "InferenceKilled"   // transient: a signal ended it that somebody sent
	CodeTimeout    = "InferenceTimeout"  // transient
	CodeMemory     = "InferenceMemory"   // transient: out of memory, on the accelerator or in the container
	CodeImport     = "ShineMissing"      // bad input: the image lacks SHINE, or a part of it
	CodeDiverged   = "InferenceDiverged" // bad data: numbers that are not finite
	CodeGPU        = "GPUUnused"         // transient: there is a GPU, and the command computes on the CPU
	CodeStopped    = "InferenceStopped"  // canceled
	CodeNoResults  = "ResultsMissing"    // bad data: it succeeded and left no results
	CodeScratch    = "ScratchUnusable"   // bad input: no room for temporary files
)

// Job is one sub-tile's inference.
type Job struct {
	Dir string // the sub-tile's directory on this machine
	URI string // where that lies for others, for the outcome; empty: Dir
	// Results is the URI of the directory that takes the results, in results/;
	// empty: URI. It is another one where an earlier run prepared the sub-tile:
	// what that run measured stays as it is.
	Results string
	out     string // directory of this machine that takes results/ first
	// Plan is the key of what the directory has to be made from, Manifest the SHA-256
	// of its local manifest; empty: of whatever it is.
	Plan, Manifest string
	Engine         settings.Engine

	Command   []string      // engine shine: argv
	Timeout   time.Duration // 0: none
	Grace     time.Duration // between SIGTERM and SIGKILL; 0: 20 s
	Inference string        // text of SHINE's own sections of the configuration, key and all
	GAL       string
	ConfigID  string
	Log       io.Writer // gets the command's lines, with the sub-tile's name before each; nil: nobody

	// NodeCache is a directory of this machine that outlives the process: what
	// JAX compiled lies in it, and sub-tiles whose inference was interrupted
	// (see [SubTile]). Empty, or not writable: nothing is kept.
	NodeCache   string
	Checkpoints Checkpoints

	// GPU says that this machine has one for the command, which must use it:
	// what takes minutes there takes days on the CPU, and ends by a time-out.
	GPU bool

	// MemoryEvents is the kernel's file that counts the OOM killer's victims;
	// empty: that of this process's control group.
	MemoryEvents string
}

// Found is what inference of one sub-tile came to: the outcome, and what the
// files that it names hold.
type Found struct {
	Outcome     survey.Outcome
	Shear       results.Shear
	Sources     []results.Source
	Diagnostics Diagnostics
}

// Run infers one sub-tile and checks what came out. The outcome is about the
// science (see the statuses of package results); an error means that there is
// none: the engine failed, or wrote what breaks the contract.
func Run(ctx context.Context, job Job) (Found, error) {
	m, err := job.manifest()
	if err != nil {
		return Found{}, err
	}
	if job.URI == "" {
		job.URI = job.Dir
	}
	if job.Results == "" {
		job.Results = job.URI
	}
	if job.out == "" {
		job.out = job.Dir
	}
	found, err := job.infer(ctx, m)
	if err != nil {
		return Found{}, fmt.Errorf("infer %s of tile %d: %w", name(m), m.TileID, err)
	}
	if err := job.unchanged(m); err != nil {
		return Found{}, err
	}
	out := &found.Outcome
	for file, into := range map[string]*survey.File{survey.ShearFile: &out.Shear, survey.SourcesFile: &out.Sources} {
		if *into, err = describe(filepath.Join(job.out, survey.ResultsDir, file), objstore.Join(job.Results, survey.ResultsDir, file)); err != nil {
			return Found{}, err
		}
	}
	return found, nil
}

func name(m *manifest.Manifest) string { return "sub-tile " + m.ID().Name() }

// infer runs the engine into a fresh directory, checks it, and puts it where
// results belong.
func (j *Job) infer(ctx context.Context, m *manifest.Manifest) (found Found, err error) {
	if !settings.Known(j.Engine) {
		return Found{}, fault.Input(CodeEngine, "there is no engine %q", j.Engine).Fix("use %s", settings.Choices[settings.Engine]())
	}
	fresh, err := attemptDir(j.out)
	if err != nil {
		return Found{}, fault.Input(objstore.NotWritable, "make a directory for the results: %w", err).On(j.out)
	}
	defer os.RemoveAll(fresh)
	nothing := m.Nothing()
	switch {
	case nothing != "":
		err = j.writeEmpty(fresh, m, nothing, nothings[nothing])
	case j.Engine == settings.EngineMock:
		err = j.mock(ctx, fresh, m)
	case j.Engine == settings.EngineReference:
		err = j.reference(ctx, fresh, m)
	default:
		err = j.child(ctx, fresh, m)
	}
	if err == nil {
		found, err = j.check(ctx, fresh, m)
	}
	if err == nil {
		err = replace(fresh, filepath.Join(j.out, survey.ResultsDir))
	}
	return found, err
}

// attemptDir makes a directory for what becomes results. Unlike one of
// os.MkdirTemp it has the mode that the umask gives, since it becomes what others read.
func attemptDir(in string) (dir string, err error) {
	for range 1000 {
		dir = filepath.Join(in, survey.AttemptDir+strconv.FormatUint(uint64(rand.Uint32()), 10))
		if err = os.Mkdir(dir, 0o777); !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
	}
	return dir, err
}

// replace puts a directory in another's place. That one goes away whole, under
// another name first: a process killed halfway through removing it would leave
// results that look complete and are not.
func replace(fresh, final string) error {
	old := fresh + "-old"
	if err := os.Rename(final, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("put earlier results away: %w", err)
	}
	if err := os.Rename(fresh, final); err != nil {
		return fmt.Errorf("put the results in their place: %w", err)
	}
	return os.RemoveAll(old)
}

// nothings are why there is nothing to measure, by status.
var nothings = map[string]string{
	survey.StatusNoExposures: "no exposure covers the sub-tile",
	survey.StatusNoSources:   "the catalogue has no source in the sub-tile's core",
}

// manifest reads the sub-tile's manifest and makes sure that the files which
// it lists are there in their sizes: a GPU is not woken for half a sub-tile.
func (j *Job) manifest() (*manifest.Manifest, error) {
	path := filepath.Join(j.Dir, survey.LocalManifestFile)
	m, sum, err := readListing(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Input(CodeIncomplete, "the directory is not a complete sub-tile: it has no %s", survey.LocalManifestFile).On(j.Dir).Fix("prepare the tile first")
	}
	var e *fault.Error
	switch {
	case errors.As(err, &e):
		if e.Object == "" {
			e.Object = path
		}
		return nil, err
	case err != nil:
		return nil, fault.Input(CodeIncomplete, "%w", err).On(path)
	}
	if err := j.bound(m, sum); err != nil {
		return nil, err
	}
	for _, p := range m.Files {
		broken := fault.Data(CodeIncomplete, "the file is not there as the manifest lists it").On(filepath.Join(j.Dir, p.Path)).Fix("prepare the tile again")
		if !filepath.IsLocal(p.Path) {
			return nil, broken.At("path %q", p.Path)
		}
		info, err := os.Stat(filepath.Join(j.Dir, p.Path))
		switch {
		case errors.Is(err, fs.ErrNotExist) && j.dropped():
			return nil, fault.Input(CodeDropped, "its pixels were dropped once its results were in the catalogue, as %s says", survey.DroppedFile).
				On(j.Dir).At("%s", p.Path).Fix("prepare the tile again")
		case err != nil:
			broken.Err = err
			return nil, broken
		case info.Size() != p.Size:
			return nil, broken.At("%d bytes, listed with %d", info.Size(), p.Size)
		}
	}
	return m, nil
}

// bound fails where the directory was made from something else than the job is
// about: another run of that name was there in the meantime.
func (j *Job) bound(m *manifest.Manifest, sum string) error {
	var err *fault.Error
	switch {
	case j.Plan != "" && m.Plan == "":
		err = fault.Data(CodeIncomplete, "the manifest does not say what the sub-tile was made from: an older version made it, or other products are in its place").At("plan")
	case j.Plan != "" && m.Plan != j.Plan:
		err = fault.Data(CodeIncomplete, "the sub-tile was made from %.12s, it should be made from %.12s: other products are in its place", m.Plan, j.Plan).At("plan")
	case j.Manifest != "" && sum != j.Manifest:
		err = fault.Data(CodeIncomplete, "the manifest is not the one that preparation wrote: its SHA-256 is %.12s, it was %.12s", sum, j.Manifest)
	default:
		return nil
	}
	return err.On(objstore.Join(cmp.Or(j.URI, j.Dir), survey.LocalManifestFile)).Fix("start a new run, under another --run-id: it prepares the tile again")
}

// unchanged fails where the directory became another one while it was inferred.
func (j *Job) unchanged(was *manifest.Manifest) error {
	now := *j
	now.Plan = was.Plan
	_, err := now.manifest()
	return err
}

// dropped says whether the sub-tile's pixels were removed on purpose.
func (j *Job) dropped() bool {
	_, err := os.Stat(filepath.Join(j.Dir, survey.DroppedFile))
	return err == nil
}

// config is the text of inference.yaml: SHINE's sections as they were written.
func (j *Job) config() []byte {
	var b strings.Builder
	for _, section := range []string{j.Inference, j.GAL} {
		if section != "" {
			b.WriteString(strings.TrimSuffix(section, "\n")) // one only: empty lines may belong to a text
			b.WriteByte('\n')
		}
	}
	return []byte(b.String())
}
