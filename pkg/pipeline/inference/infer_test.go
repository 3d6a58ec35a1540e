package inference_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/inference"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

const west = 102018211

// command has the engine be a shell script. What it is called with begins at $0:
// the directory for results is $5.
func command(script string) string {
	return fmt.Sprintf("{engine: shine, shine: {command: [sh, -c, %q]}}", script)
}

// manifested changes a directory's local manifest.
func manifested(t *testing.T, r *testrun.Run, dir string, change func(m *manifest.Manifest)) {
	t.Helper()
	uri := objstore.Join(dir, survey.LocalManifestFile)
	text, err := objstore.ReadFile(t.Context(), r.Memory, uri)
	check(t, err)
	m, err := manifest.Read(bytes.NewReader(text))
	check(t, err)
	change(m)
	var b bytes.Buffer
	check(t, manifest.Write(&b, m))
	_, err = objstore.WriteFile(t.Context(), r.Memory, uri, b.Bytes())
	check(t, err)
}

// TestInfer: success takes an earlier failure away; no failure is an outcome, and
// each is written down with its run and a reason of one line; where the directory
// is not what its preparation left, the tile is marked.
func TestInfer(t *testing.T) {
	const dir = "mem://products/r1/102018211/0_1"
	failure := objstore.Join(dir, survey.FailureFile)
	remove := func(parts ...string) func(t *testing.T, r *testrun.Run) {
		return func(t *testing.T, r *testrun.Run) { r.Remove(r.Find(append(parts, dir)...)) }
	}
	for name, c := range map[string]struct {
		engine   string // instead of the mock; a document of the configuration
		spoil    func(t *testing.T, r *testrun.Run)
		canceled bool

		code   string // of the error; empty: there is an outcome
		kind   fault.Kind
		reason string // part of failure.json
		marked bool
	}{
		"good": {},
		"after a failure": {spoil: func(t *testing.T, r *testrun.Run) {
			check(t, survey.SaveFailure(t.Context(), r.Memory, dir, survey.Failure{Run: "r1"}))
		}},
		"the directory was made from something else": {
			spoil: func(t *testing.T, r *testrun.Run) {
				manifested(t, r, dir, func(m *manifest.Manifest) { m.Plan = strings.Repeat("0", 64) })
			},
			code: shine.CodeIncomplete, kind: fault.BadData, reason: "other products are in its place", marked: true,
		},
		"the directory does not say from what": {
			spoil: func(t *testing.T, r *testrun.Run) { manifested(t, r, dir, func(m *manifest.Manifest) { m.Plan = "" }) },
			code:  shine.CodeIncomplete, kind: fault.BadData, reason: "an older version made it", marked: true,
		},
		"the manifest names another source": {
			spoil: func(t *testing.T, r *testrun.Run) {
				manifested(t, r, dir, func(m *manifest.Manifest) { m.Core = append(m.Core, 5) })
			},
			code: shine.CodeIncomplete, kind: fault.BadData, reason: "not the one that preparation wrote", marked: true,
		},
		"the engine writes another centre": {
			engine: command(`cp "$FAILED_RESULTS"/../off/* "$5"`),
			code:   inference.CodeFailed, kind: fault.BadData, reason: "columns RA and DEC",
		},
		"a file of the manifest is missing": {
			spoil: remove("exposures/002682_00_1_bkg"),
			code:  shine.CodeIncomplete, kind: fault.BadData, reason: "002682_00_1_bkg.fits", marked: true,
		},
		"a file is another": {
			spoil: func(t *testing.T, r *testrun.Run) { r.Spoil(r.Find(dir, "catalog.fits")) },
			code:  shine.CodeIncomplete, kind: fault.BadData, reason: "checksum", marked: true,
		},
		"the directory is not complete": {
			spoil: remove(survey.LocalManifestFile),
			code:  shine.CodeIncomplete, kind: fault.BadInput, reason: "has no manifest_local.yaml", marked: true,
		},
		"the manifest is none": {
			spoil: func(t *testing.T, r *testrun.Run) { r.Spoil(r.Find(dir, survey.LocalManifestFile)) },
			code:  manifest.CodeInvalid, kind: fault.BadData, reason: "not a manifest", marked: true,
		},
		"pixels were dropped": {
			spoil: func(t *testing.T, r *testrun.Run) {
				remove("exposures/002682_00_1_sci")(t, r)
				_, err := objstore.WriteFile(t.Context(), r.Memory, objstore.Join(dir, survey.DroppedFile), []byte("{}"))
				check(t, err)
			},
			code: shine.CodeDropped, kind: fault.BadInput, reason: "its pixels were dropped", marked: true,
		},
		"canceled": {canceled: true, kind: fault.Canceled},
		"the engine leaves nothing": {
			engine: command("true"),
			code:   inference.CodeFailed, kind: fault.BadData, reason: "wrote no such file",
		},
		"the engine says failed": {
			engine: command(`cp "$FAILED_RESULTS"/* "$5"`),
			code:   inference.CodeFailed, kind: fault.BadData, reason: "the engine says so",
		},
		"the engine fails": {
			engine: command("echo first >&2; echo; echo second >&2; exit 3"),
			code:   shine.CodeFailed, kind: fault.Unclassified, reason: "exited with 3",
		},
		"there is no such engine": {
			engine: "{engine: shine, shine: {command: [/no/such/program]}}",
			code:   shine.CodeCommand, kind: fault.BadInput, reason: "/no/such/program",
		},
		"the failure can't be written": {
			engine: command("true"),
			spoil:  func(_ *testing.T, r *testrun.Run) { r.Store.Fail = testrun.Refuse("create") },
			code:   inference.CodeFailed, kind: fault.BadData,
		},
		"an earlier failure can't be removed": {
			spoil: func(_ *testing.T, r *testrun.Run) {
				r.Store.Fail = func(op, uri string) error {
					if uri == failure {
						return testrun.Refuse("delete")(op, uri)
					}
					return nil
				}
			},
			code: objstore.AccessDenied, kind: fault.BadInput,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var more []string
			if c.engine != "" {
				more = append(more, c.engine)
			}
			r := testrun.New(t, more...)
			tile := r.Prepared()[0]
			if strings.Contains(c.engine, "FAILED_RESULTS") {
				t.Setenv("FAILED_RESULTS", failedResults(t, tile))
			}
			if c.spoil != nil {
				c.spoil(t, r)
			}
			if c.canceled { // in the middle of it; to write is possible still
				r.Store.Fail = func(op, _ string) error {
					if op == "list" {
						return context.Canceled
					}
					return nil
				}
			}
			out, err := inference.Infer(r.Stage("infer"), r.InferIn(tile, 1))
			broken := r.Store.Fail != nil
			r.Store.Fail = nil
			if fault.KindOf(err) != c.kind || fault.CodeOf(err) != c.code || (err == nil) != (c.code == "" && !c.canceled) {
				t.Fatalf("%+v, %v (%v, %s); want %v, %q", out, err, fault.KindOf(err), fault.CodeOf(err), c.kind, c.code)
			}
			if marks := r.MarkedTiles(); c.marked != (marks[tile.Document.Plan] != "") || len(marks) > 1 {
				t.Errorf("marks: %v; the tile is %s", marks, tile.Document.Plan)
			}
			if err == nil {
				o := testrun.Load[survey.Outcome](r, out.Outcome.URI)
				if o.Status != survey.StatusOK || o.TileID != west || o.Row != 0 || o.Col != 1 || o.Directory != dir || o.Shear.URI != survey.ResultsURI(dir, survey.ShearFile) || !r.Has(o.Shear.URI) {
					t.Errorf("%+v", o)
				}
			} else if out.Outcome.URI != "" {
				t.Errorf("an error with an outcome: %+v", out)
			}
			if has := r.Has(failure); has != (err != nil && !broken) {
				t.Fatalf("%s is there: %v", failure, has)
			} else if !has {
				return
			}
			f := testrun.Load[survey.Failure](r, failure)
			if f.Run != "r1" || f.Status != survey.StatusFailed || f.TileID != west || f.Row != 0 || f.Col != 1 || f.Directory != dir || strings.Contains(f.Reason, "\n") || !strings.Contains(f.Reason, c.reason) {
				t.Errorf("%+v, want the reason %q", f, c.reason)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failedResults is a directory with what an engine leaves that gave up on sub-tile
// 0_1; beside it lies another, off, whose row has the centre of a sub-tile next to it.
func failedResults(t *testing.T, tile testrun.Tile) string {
	t.Helper()
	base := t.TempDir()
	for name, sub := range map[string]survey.SubTile{"good": tile.Document.SubTiles[1], "off": tile.Document.SubTiles[0]} {
		dir := filepath.Join(base, name)
		check(t, os.Mkdir(dir, 0o777))
		shear, err := os.Create(filepath.Join(dir, survey.ShearFile))
		check(t, err)
		defer shear.Close()
		check(t, results.WriteShear(shear, []results.Shear{{TileID: west, Row: 0, Col: 1, RA: sub.RA, Dec: sub.Dec, Status: survey.StatusFailed}}))
		sources, err := os.Create(filepath.Join(dir, survey.SourcesFile))
		check(t, err)
		defer sources.Close()
		check(t, results.WriteSources(sources, nil))
	}
	return filepath.Join(base, "good")
}

// TestOtherRunsProducts: what an earlier run prepared is inferred where it lies,
// and what that run measured stays: results and failures are those of the run that asks.
func TestOtherRunsProducts(t *testing.T) {
	r := testrun.New(t)
	tile := r.Prepared()[0]
	_, err := inference.Infer(r.Stage("infer"), r.InferIn(tile, 0))
	check(t, err)
	measured := survey.ResultsURI("mem://products/r1/102018211/0_0", survey.ShearFile)
	before, err := r.Memory.Stat(t.Context(), measured)
	check(t, err)
	next := r.Again("r2")
	out, err := inference.Infer(next.Stage("infer"), next.InferIn(tile, 0))
	check(t, err)
	o := testrun.Load[survey.Outcome](next, out.Outcome.URI)
	if o.Directory != "mem://products/r1/102018211/0_0" || o.Shear.URI != survey.ResultsURI("mem://products/r2/102018211/0_0", survey.ShearFile) {
		t.Errorf("%+v", o)
	}
	r.Remove(r.Find("r1/102018211/0_0/catalog.fits"))
	if _, err := inference.Infer(next.Stage("infer"), next.InferIn(tile, 0)); fault.CodeOf(err) != shine.CodeIncomplete {
		t.Errorf("%v", err)
	}
	if after, err := r.Memory.Stat(t.Context(), measured); err != nil || after != before {
		t.Errorf("what r1 measured is %+v, was %+v (%v)", after, before, err)
	}
	if f := testrun.Load[survey.Failure](r, "mem://products/r2/102018211/0_0/failure.json"); f.Run != "r2" || r.Has("mem://products/r1/102018211/0_0/failure.json") {
		t.Errorf("%+v", f)
	}
}

func TestInferRefuses(t *testing.T) {
	r := testrun.New(t)
	tile := r.Prepared()[0]
	for name, c := range map[string]struct {
		change func(in *pipeline.InferSubtileIn)
		code   string
	}{
		"no such sub-tile": {func(in *pipeline.InferSubtileIn) { in.SubTile = 4 }, "UnknownSubTile"},
		"no such tile":     {func(in *pipeline.InferSubtileIn) { in.Prepared.URI += ".gone" }, objstore.NotFound},
		"no settings":      {func(in *pipeline.InferSubtileIn) { in.Inference.URI += ".gone" }, objstore.NotFound},
	} {
		in := r.InferIn(tile, 0)
		c.change(&in)
		if _, err := inference.Infer(r.Stage("infer"), in); fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := r.FindAll(survey.FailureFile); len(left) > 0 || len(r.MarkedTiles()) > 0 {
		t.Errorf("whose failure it is nobody knows: %v, %v", left, r.MarkedTiles())
	}
}

// TestByHand: whose a directory is stands in it.
func TestByHand(t *testing.T) {
	const dir = "mem://products/r1/102018211/1_0"
	for name, c := range map[string]struct {
		spoil func(r *testrun.Run)
		run   string
		code  string
		fails bool
	}{
		"good":                 {run: "r1"},
		"without a provenance": {spoil: func(r *testrun.Run) { r.Remove(dir + "/provenance.json") }},
		"not complete":         {spoil: func(r *testrun.Run) { r.Remove(dir + "/manifest_local.yaml") }, code: shine.CodeIncomplete, fails: true},
		"a manifest that is none": {
			spoil: func(r *testrun.Run) { r.Spoil(dir + "/manifest_local.yaml") }, code: "ManifestInvalid", fails: true,
		},
		"a provenance that is none":  {spoil: func(r *testrun.Run) { r.Spoil(dir + "/provenance.json") }, fails: true},
		"prepared with another grid": {spoil: func(r *testrun.Run) { r.Settings.Tiling.Cols, r.Settings.Destination.ConfigID = 3, "another" }, code: survey.CodeRunTaken, fails: true},
		"results of the run's own": {spoil: func(r *testrun.Run) {
			r.Save(survey.ResultsURI(dir, survey.SummaryFile), survey.Summary{ConfigID: r.Settings.Destination.ConfigID})
			r.Settings.Destination.ConfigID = "another"
		}, code: survey.CodeRunTaken, fails: true},
		"a store that refuses": {spoil: func(r *testrun.Run) { r.Store.Fail = testrun.Refuse("get") }, code: objstore.AccessDenied, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := testrun.New(t)
			plan := r.Prepared()[0].Document.Plan
			if c.spoil != nil {
				c.spoil(r)
			}
			request, err := inference.ByHand(t.Context(), r.Store, dir, r.Settings.TileSettings)
			if c.fails {
				if err == nil || fault.CodeOf(err) != c.code {
					t.Errorf("%+v, %v; want %s", request, err, c.code)
				}
				return
			}
			if err != nil || request.TileID != west || request.Row != 1 || request.Col != 0 || request.Run != c.run || request.Directory != dir || request.Results != dir || request.Plan != plan {
				t.Errorf("%+v, %v", request, err)
			}
			outcome, err := inference.SubTile(r.Stage("infer"), request, &r.Settings.Inference, r.Settings.Limits)
			if err != nil || outcome.Status != survey.StatusOK || outcome.SubTileID != request.SubTileID {
				t.Errorf("%+v, %v", outcome, err)
			}
			r.Remove(dir + "/catalog.fits")
			outcome, err = inference.SubTile(r.Stage("infer"), request, &r.Settings.Inference, r.Settings.Limits)
			f := testrun.Load[survey.Failure](r, dir+"/failure.json")
			if err == nil || f.Run != c.run || f.Outcome != outcome || outcome.SubTileID != request.SubTileID {
				t.Errorf("%+v, %v; failure.json: %+v", outcome, err, f)
			}
			if marks := r.MarkedTiles(); len(marks) > 1 || marks[plan] == "" {
				t.Errorf("the tile of plan %q leaves the marks %v", plan, marks)
			}
		})
	}
}
