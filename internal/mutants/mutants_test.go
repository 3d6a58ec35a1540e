package mutants

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
	"github.com/cosmostat/constellation/pkg/pipeline/inference"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

func TestMain(m *testing.M) {
	os.Setenv(shine.EnvNodeCache, os.DevNull) // mutants run side by side, under the same names
	debug.SetGCPercent(-1)                    // there is little that stays: the survey is held once, and shared
	debug.SetMemoryLimit(mostMemory / 3)
	inMemory()
	go watch()
	status := s3test.Main(m)
	theOracle.close()
	os.Exit(status)
}

// mostMemory is what all mutants together may hold: some are made to take all
// of a machine's.
const mostMemory = 4 << 30

// inMemory has temporary files in memory where there is a place for that with
// room: mutants write small files, and many.
func inMemory() {
	const place = "/dev/shm"
	var fs syscall.Statfs_t
	if syscall.Statfs(place, &fs) == nil && uint64(fs.Bsize)*fs.Bavail > mostMemory {
		os.Setenv("TMPDIR", place)
	}
}

// watch ends the process before it takes the machine down.
func watch() {
	held := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		if metrics.Read(held); held[0].Value.Uint64() > mostMemory {
			panic(fmt.Sprintf("the mutants hold %d bytes", held[0].Value.Uint64()))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// The tiny survey's tiles; each run makes both.
const west, east = 102018211, 102018212

// mutant is one change and what has to come of it.
type mutant struct {
	name   string
	change change
	want   want
	config string // laid over the configuration, as YAML
	from   stage  // the first that can notice the change; what is before it is taken from a kept run
}

// change is made to a run's survey, settings or what earlier stages left.
type change func(t *testing.T, k *kept)

// kept is a run as far as it has come.
type kept struct {
	*testrun.Run
	tiles    []testrun.Tile // once they are prepared
	assembly pipeline.AssembleCatalogIn
	record   literal.Blob // once there is one
	listed   pipeline.IndexObservationsOut
	missing  []string
}

// stage is where a mutant's run begins.
type stage int

const (
	atListing    stage = iota // nothing is taken from a kept run
	atInference               // tiles are prepared
	atAssembly                // sub-tiles are inferred
	atValidation              // rows are committed
)

// ending is what came of a run.
type ending struct {
	err     error // that stopped it, the verdict's among them
	verdict *catalog.Report
	tiles   []testrun.Tile
	said    string // by errors, outcomes, the record, the verdict and the log
	run     *kept
}

// ok says that the run passes for a good one.
func (e *ending) ok() bool { return e.err == nil && e.verdict != nil && e.verdict.OK }

// want judges an ending.
type want func(t *testing.T, e *ending)

// try makes the change and runs the pipeline on it.
func (m mutant) try(t *testing.T) {
	t.Parallel()
	k := keptAt(t, m.from, m.config)
	m.change(t, k)
	e := finish(k, m.from)
	if os.Getenv("MUTANTS_SHOW") != "" {
		t.Logf("ok: %v, error: %v\n%s", e.ok(), e.err, e.said)
	}
	m.want(t, e)
}

// run tries mutants side by side.
func run(t *testing.T, all []mutant) {
	t.Helper()
	names := map[string]bool{}
	for _, m := range all {
		if names[m.name] {
			t.Fatalf("two mutants are called %q", m.name)
		}
		names[m.name] = true
		t.Run(m.name, m.try)
	}
}

// right: the run passes, and its products are what the independent reader finds in
// the same files, without those whose names match a pattern.
func right(without ...string) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		if !e.ok() {
			t.Fatalf("it does not pass: %v\n%s", e.err, e.said)
		}
		e.hold(t, without)
	}
}

// rightSaying is right, and says so in words that match.
func rightSaying(without []string, patterns ...string) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		right(without...)(t, e)
		e.says(t, patterns)
	}
}

// leftOut: the run passes without the files that match the first pattern, and
// says so in words that match all.
func leftOut(file string, patterns ...string) want {
	return rightSaying([]string{file}, append([]string{file}, patterns...)...)
}

// refused: the run does not pass, and says why in words that match.
func refused(patterns ...string) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		if e.ok() {
			t.Fatalf("it passes: %+v\n%s", e.verdict, e.said)
		}
		e.says(t, patterns)
		if fault.KindOf(e.err) == fault.Bug {
			t.Errorf("that is a bug: %v", e.err)
		}
	}
}

// failing is refused by the verdict: so many sub-tiles failed, the others are right.
func failing(n int, patterns ...string) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		refused(patterns...)(t, e)
		if e.verdict == nil || e.verdict.Statuses[survey.StatusFailed] != n {
			t.Errorf("not %d sub-tiles failed: %+v", n, e.verdict)
		}
	}
}

func (e *ending) says(t *testing.T, patterns []string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(e.said) {
			t.Errorf("nothing says %q:\n%s", p, e.said)
		}
	}
}

// finish runs the stages from one on.
func finish(k *kept, from stage) *ending {
	e := &ending{run: k}
	e.err = e.stages(k, from)
	var words []string
	if e.err != nil {
		words = append(words, e.err.Error())
	}
	for _, tile := range e.tiles {
		words = append(words, tile.Failure)
	}
	if e.verdict != nil {
		words = append(words, e.verdict.Reasons...)
		words = append(words, e.verdict.Inputs.Missing...)
	}
	e.said = strings.Join(append(words, k.Log.String()), "\n")
	return e
}

func (e *ending) stages(k *kept, from stage) (err error) {
	if from <= atListing {
		if err := k.prepare(); err != nil {
			return err
		}
	}
	e.tiles = k.tiles
	if from <= atInference {
		if err := k.infer(); err != nil {
			return err
		}
	}
	if from <= atAssembly {
		if err := k.assemble(); err != nil {
			return err
		}
	}
	e.verdict, err = k.validate()
	return err
}

// prepare lists the survey and prepares its tiles.
func (k *kept) prepare() error {
	indexed, err := observations.Index(k.Stage("index"), k.IndexIn())
	if err != nil {
		return err
	}
	in := pipeline.MergeFootprintsIn{Plan: indexed.Plan, MaxMissing: k.Settings.MaxMissing, Destination: k.Settings.Destination}
	var reads []error
	for i := range indexed.Batches {
		out, err := footprints.Read(k.Stage("read"), k.ReadIn(indexed, i))
		if err != nil { // the map goes on
			reads = append(reads, err)
			fmt.Fprintln(k.Log, err)
			in.Footprints, in.Unreadable = append(in.Footprints, nil), append(in.Unreadable, nil)
			continue
		}
		in.Footprints, in.Unreadable = append(in.Footprints, &out.Footprints), append(in.Unreadable, &out.Unreadable)
	}
	merged, err := footprints.Merge(k.Stage("merge"), in)
	if err != nil {
		return fmt.Errorf("%w; %v", err, reads)
	}
	k.listed, k.missing = indexed, merged.Reasons
	planned, err := tiles.Plan(k.Stage("plan"), pipeline.FanOutTilesIn{
		TileIDs: indexed.TileIDs, Branch: pipeline.BranchCPU, TileSettings: k.Settings.TileSettings, Plan: indexed.Plan, Tiles: indexed.Tiles, Index: merged.Index,
	})
	if err != nil {
		return err
	}
	for _, in := range planned.Items {
		out, err := tiles.Prepare(k.Stage("prepare"), in.PrepareTileIn)
		if err != nil {
			return err
		}
		document, err := survey.Load[survey.Prepared](context.Background(), k.Memory, out.Prepared.URI)
		if err != nil {
			return err
		}
		k.tiles = append(k.tiles, testrun.Tile{TileIn: in, PrepareTileOut: out, Document: document})
	}
	return nil
}

// infer runs the engine on what was prepared. A sub-tile that fails leaves a hole.
func (k *kept) infer() error {
	in := pipeline.AssembleCatalogIn{Destination: k.Settings.Destination, Inference: k.Settings.Inference}
	in.Catalog, in.Release = k.Settings.Catalog, k.listed.Release
	for _, tile := range k.tiles {
		of := []*literal.Blob{}
		for _, i := range tile.Document.ToInfer(0) {
			out, err := inference.Infer(k.Stage("infer"), k.InferIn(tile, i))
			switch fault.KindOf(err) {
			case fault.BadData, fault.BadInput:
				fmt.Fprintln(k.Log, err)
				of = append(of, nil)
			default:
				if err != nil {
					return err
				}
				of = append(of, &out.Outcome)
			}
		}
		in.Prepared, in.Outcomes = append(in.Prepared, tile.Prepared), append(in.Outcomes, of)
	}
	k.assembly = in
	return nil
}

// assemble commits what there is, and writes the record.
func (k *kept) assemble() error {
	out, err := shear.Assemble(k.Stage("assemble"), k.assembly)
	if err != nil {
		return err
	}
	run, err := record.Run(k.Stage("record"), pipeline.RecordRunIn{
		Parts: []literal.Blob{out.Part}, Destination: k.Settings.Destination, Release: k.listed.Release, Missing: k.missing, LeftOut: k.listed.LeftOut, Notes: k.listed.Notes,
	})
	k.record = run.Run
	return err
}

func (k *kept) validate() (*catalog.Report, error) {
	out, judged := shear.Validate(k.Stage("validate"), pipeline.ValidateCatalogIn{
		Run: k.record, Destination: k.Settings.Destination, Catalog: k.Settings.Catalog, Thresholds: k.Settings.Thresholds, Retention: k.Settings.Retention,
	})
	if out.Report.URI == "" {
		return nil, judged
	}
	report, err := survey.Load[catalog.Report](context.Background(), k.Memory, out.Report.URI)
	if err != nil {
		return nil, err
	}
	return report, judged
}

// hold compares the products with the independent reader's answer.
func (e *ending) hold(t *testing.T, without []string) {
	t.Helper()
	got := e.products(t)
	want := theOracle.ask(t, e, without)
	if len(want.Tiles) == 0 || len(got) != len(want.Tiles) {
		t.Fatalf("%d tiles, the independent reader has %d", len(got), len(want.Tiles))
	}
	sources := 0
	for _, id := range slices.Sorted(maps.Keys(want.Tiles)) {
		tile := want.Tiles[id]
		if d := distance(got[id].Centre, tile.Centre); d > 1e-9 {
			t.Errorf("tile %s is at %v, the independent reader has %v", id, got[id].Centre, tile.Centre)
		}
		for _, cell := range slices.Sorted(maps.Keys(tile.SubTiles)) {
			w, g := tile.SubTiles[cell], got[id].SubTiles[cell]
			compare(t, id+"/"+cell+": core sources", g.Core, w.Core)
			compare(t, id+"/"+cell+": sources", g.Sources, w.Sources)
			compare(t, id+"/"+cell+": quadrants", g.Quadrants, w.Quadrants)
			compare(t, id+"/"+cell+": rows of catalog.fits", want.Read[id+"/"+cell], w.Sources)
			if len(w.Quadrants) > 0 {
				sources += len(w.Core)
			}
		}
	}
	if int(e.verdict.Sources) != sources {
		t.Errorf("%d sources in the catalogue, the independent reader has %d", e.verdict.Sources, sources)
	}
}

func compare[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, the independent reader has %v", what, got, want)
	}
}
