package tiles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestPrepare: trouble with a tile's own data is an outcome and leaves a mark,
// trouble with anything else is an error and leaves none.
func TestPrepare(t *testing.T) {
	catalogue, psf := "FINAL-CAT_TILE102018211", "VIS/2681/EUC_VIS_GRD-PSF"
	refused := func(part string, ops ...string) func(op, uri string) error {
		return func(op, uri string) error {
			if strings.Contains(uri, part) {
				return testrun.Refuse(ops...)(op, uri)
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		spoil   func(r *testrun.Run) // before files are listed
		fail    func(r *testrun.Run) // before the tile is prepared
		failure []string             // parts of an outcome's
		kind    fault.Kind           // of an error
		code    string
	}{
		"good":                {},
		"a corrupt catalogue": {spoil: func(r *testrun.Run) { r.Spoil(r.Find(catalogue)) }, failure: []string{catalogue}},
		"no catalogue":        {spoil: func(r *testrun.Run) { r.Remove(r.Find(catalogue)) }, failure: []string{"102018211 has no MER catalogue"}},
		"a catalogue that was replaced": {
			fail:    func(r *testrun.Run) { r.Spoil(r.Find(catalogue)) },
			failure: []string{catalogue, "was replaced since it was indexed by", "plan.json", "index again"},
		},
		"a PSF file that was replaced": {
			fail:    func(r *testrun.Run) { r.Spoil(r.Find(psf)) },
			failure: []string{psf, "was replaced"},
		},
		"a PSF file that is gone": {
			fail:    func(r *testrun.Run) { r.Remove(r.Find(psf)) },
			failure: []string{psf, "is gone since it was indexed by"},
		},
		"products that can't be written": {
			fail: func(r *testrun.Run) { r.Store.Fail = refused("/r1/10", "create") },
			kind: fault.BadInput, code: objstore.AccessDenied,
		},
		"a disk that is full": {
			fail: func(r *testrun.Run) {
				r.Store.Fail = func(op, uri string) error {
					if op == "create" && strings.Contains(uri, "_sci.fits") {
						return fault.Input(objstore.NotWritable, "no space left on device").On(uri)
					}
					return nil
				}
			},
			kind: fault.BadInput, code: objstore.NotWritable,
		},
		"sources that are refused": {
			fail: func(r *testrun.Run) { r.Sources.Fail = testrun.Refuse("get", "stat") },
			kind: fault.BadInput, code: objstore.AccessDenied,
		},
		"sources that come later": {
			fail: func(r *testrun.Run) {
				r.Sources.Fail = func(_, uri string) error { return fault.Passing(objstore.Throttled, "slow down").On(uri) }
			},
			kind: fault.Transient, code: objstore.Throttled,
		},
		"a mark that can't be written": {
			spoil: func(r *testrun.Run) { r.Spoil(r.Find(catalogue)) },
			fail:  func(r *testrun.Run) { r.Store.Fail = refused("/redo/", "create") },
			kind:  fault.BadInput, code: objstore.AccessDenied,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := testrun.New(t)
			if c.spoil != nil {
				c.spoil(r)
			}
			in := r.Planned()[0]
			if c.fail != nil {
				c.fail(r)
			}
			out, err := tiles.Prepare(r.Stage("prepare"), in.PrepareTileIn)
			if c.kind != fault.Unclassified {
				if fault.KindOf(err) != c.kind || fault.CodeOf(err) != c.code {
					t.Errorf("%v (%v, %s), want %v, %s", err, fault.KindOf(err), fault.CodeOf(err), c.kind, c.code)
				}
				if marks := r.MarkedTiles(); len(marks) > 0 {
					t.Errorf("an error leaves marks: %v", marks)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			prepared := testrun.Load[survey.Prepared](r, out.Prepared.URI)
			if prepared.Failure != out.Failure || (out.Failure != "") != (c.failure != nil) || prepared.TileID != west || len(prepared.SubTiles) != 4 {
				t.Errorf("%+v; prepared.json: %+v", out, prepared)
			}
			for _, part := range c.failure {
				if !strings.Contains(out.Failure, part) {
					t.Errorf("%q, want %q", out.Failure, part)
				}
			}
			for _, s := range prepared.SubTiles {
				if (s.Status == survey.StatusFailed) != (c.failure != nil) {
					t.Errorf("%+v", s)
				}
				if whole := r.Has(objstore.Join(s.Directory, survey.LocalManifestFile)); whole != (c.failure == nil) {
					t.Errorf("%s is complete: %v", s.Directory, whole)
				}
			}
			marks := r.MarkedTiles()
			if c.failure == nil && len(marks) > 0 || c.failure != nil && (len(marks) != 1 || marks[prepared.Plan] == "") {
				t.Errorf("the tile %s leaves the marks %v", prepared.Plan, marks)
			}
		})
	}
}

// TestPrepareAgain: a tile that failed is planned under another key by the next
// run, and under a further one if that fails too. Once it is prepared its key stays.
func TestPrepareAgain(t *testing.T) {
	r := testrun.New(t)
	var keys []string
	for _, fails := range []bool{true, true, false, false} {
		next := r.Again(fmt.Sprintf("r%d", len(keys)))
		in := next.Planned()[0]
		if fails {
			r.Sources.Fail = func(_, uri string) error {
				if strings.Contains(uri, "TILE102018211") {
					return fault.Data("FITSGarbled", "garbled").On(uri)
				}
				return nil
			}
		}
		out, err := tiles.Prepare(next.Stage("prepare"), in.PrepareTileIn)
		if err != nil || (out.Failure != "") != fails {
			t.Errorf("%+v, %v", out, err)
		}
		r.Sources.Fail = nil
		keys = append(keys, in.Key)
	}
	if keys[0] == keys[1] || keys[1] == keys[2] || keys[0] == keys[2] || keys[2] != keys[3] {
		t.Errorf("keys of a tile that failed twice: %v", keys)
	}
}
