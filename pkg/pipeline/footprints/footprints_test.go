package footprints_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
	"github.com/cosmostat/constellation/pkg/survey"
)

// oneBatch puts both exposures of the survey into one.
const oneBatch = "data: {files_per_task: 16}"

// newest is the DET file of an exposure that counts.
func newest(r *testrun.Run, exposure string) string {
	all := r.FindAll("SWL-DET-" + exposure + "-00-1")
	return all[len(all)-1]
}

// TestRead: which exposures are left out, and when that is an error; only what is
// left out is marked, and only where the others are there.
func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(r *testrun.Run) // before files are listed
		fail    func(r *testrun.Run) // before they are read
		leftOut []string             // exposures
		kind    fault.Kind
		says    []string
	}{
		"good": {},
		"one corrupt of two": {
			spoil:   func(r *testrun.Run) { r.Spoil(newest(r, "002682")) },
			leftOut: []string{"002682"},
		},
		"all corrupt": {
			spoil:   func(r *testrun.Run) { r.Spoil(newest(r, "002681")); r.Spoil(newest(r, "002682")) },
			leftOut: []string{"002681", "002682"},
		},
		"the store refuses everything": {
			fail: func(r *testrun.Run) { r.Sources.Fail = testrun.Refuse("stat", "get") },
			kind: fault.BadInput, says: []string{"refused", "none of 2 exposures"},
		},
		"the store refuses one file": {
			fail: func(r *testrun.Run) {
				r.Sources.Fail = func(op, uri string) error {
					if strings.Contains(uri, "002682") {
						return testrun.Refuse("stat", "get")(op, uri)
					}
					return nil
				}
			},
			leftOut: []string{"002682"},
		},
		"the store begins to refuse": {
			fail: func(r *testrun.Run) {
				r.Sources.Fail = func(op, uri string) error {
					if op == "stat" || strings.Contains(uri, "002682") {
						return testrun.Refuse("stat", "get")(op, uri)
					}
					return nil
				}
			},
			kind: fault.BadInput, says: []string{"refused", "002681"},
		},
		"the store is slow": {
			fail: func(r *testrun.Run) {
				r.Sources.Fail = func(_, uri string) error { return fault.Passing(objstore.Throttled, "slow down").On(uri) }
			},
			kind: fault.Transient, says: []string{"slow down"},
		},
		"products can't be written": {
			fail: func(r *testrun.Run) { r.Store.Fail = testrun.Refuse("create") },
			kind: fault.BadInput, says: []string{"footprints.parquet"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := testrun.New(t, oneBatch)
			if c.spoil != nil {
				c.spoil(r)
			}
			indexed := r.Indexed()
			if c.fail != nil {
				c.fail(r)
			}
			out, err := footprints.Read(r.Stage("read"), r.ReadIn(indexed, 0))
			r.Store.Fail = nil
			if c.kind != fault.Unclassified {
				if err == nil || fault.KindOf(err) != c.kind {
					t.Errorf("%v (%v), want %v", err, fault.KindOf(err), c.kind)
				}
				for _, part := range c.says {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v, want %q", err, part)
					}
				}
				if marks := r.MarkedBatches(); len(marks) > 0 {
					t.Errorf("an error leaves marks: %v", marks)
				}
				return
			}
			if err != nil {
				t.Fatalf("%+v, %v", out, err)
			}
			unreadable, err := pipeline.Files(out.Unreadable)
			if err != nil || len(unreadable) != len(c.leftOut) || out.Unreadable == "" {
				t.Fatalf("%+v, %v", out, err)
			}
			for _, id := range c.leftOut {
				if unreadable[newest(r, id)] == "" || !r.Log.Says("left out", id) {
					t.Errorf("%s is not named: %v", id, out.Unreadable)
				}
			}
			batch, err := survey.LoadBatch(t.Context(), r.Memory, indexed.Plan.URI, indexed.Batches[0])
			if err != nil {
				t.Fatal(err)
			}
			key, err := batch.Key()
			if err != nil {
				t.Fatal(err)
			}
			if marks := r.MarkedBatches(); len(marks) != min(1, len(c.leftOut)) || (marks[key] != "") != (len(c.leftOut) > 0) {
				t.Errorf("the batch %s leaves the marks %v", key, marks)
			}
		})
	}
}

// TestReadAgain: a marked batch that fails once more gets another mark, so that
// the next run does not find this failure in the cache.
func TestReadAgain(t *testing.T) {
	r := testrun.New(t, oneBatch)
	r.Spoil(newest(r, "002682"))
	var marks []map[string]string
	for _, name := range []string{"r1", "r2"} {
		next := r.Again(name)
		if _, err := footprints.Read(next.Stage("read"), next.ReadIn(next.Indexed(), 0)); err != nil {
			t.Fatal(err)
		}
		marks = append(marks, next.MarkedBatches())
	}
	if len(marks[0]) != 1 {
		t.Errorf("marks: %v", marks[0])
	}
	for key, first := range marks[0] {
		if second := marks[1][key]; second == first || second == "" {
			t.Errorf("marked with %q, failed again with %q", first, second)
		}
	}
}

// TestMerge: what is missing is weighed against max_missing, and named.
func TestMerge(t *testing.T) {
	corrupt := func(r *testrun.Run) { r.Spoil(newest(r, "002682")) }
	for name, c := range map[string]struct {
		spoil   func(r *testrun.Run)
		change  func(in *pipeline.MergeFootprintsIn)
		limit   string
		missing bool     // the second exposure
		says    []string // parts of an error
	}{
		"good":                  {limit: "0"},
		"one missing, none may": {spoil: corrupt, limit: "0", missing: true, says: []string{"1 of 2 exposures are missing or could not be read, 0 may be", "SWL-DET-002682", "data.max_missing"}},
		"one missing, one may":  {spoil: corrupt, limit: "1", missing: true},
		"a half may":            {spoil: corrupt, limit: "0.5", missing: true},
		"a batch lost whole, none may": {
			change: lose, limit: "0", missing: true,
			says: []string{"with batches that were lost whole", "SWL-DET-002682", "see the read-footprints elements that failed"},
		},
		"a batch lost whole, one may": {change: lose, limit: "1", missing: true},
		"a limit that is none":        {limit: "some", spoil: corrupt, says: []string{"data.max_missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			more := oneBatch
			if c.change != nil {
				more = "data: {files_per_task: 1}"
			}
			r := testrun.New(t, more)
			if c.spoil != nil {
				c.spoil(r)
			}
			in := r.MergeIn(r.Indexed())
			in.MaxMissing = c.limit
			if c.change != nil {
				c.change(&in)
			}
			out, err := footprints.Merge(r.Stage("merge"), in)
			if c.says != nil {
				if err == nil {
					t.Fatalf("%+v", out)
				}
				for _, part := range c.says {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v, want %q", err, part)
					}
				}
				return
			}
			want := []string{}
			if c.missing {
				want = append(want, newest(r, "002682"))
			}
			if err != nil || !slices.Equal(out.Missing, want) || c.missing && !r.Log.Says("merged", "002682") {
				t.Errorf("%+v, %v; want missing %v", out, err, want)
			}
			if want := int64(32 - 16*len(want)); out.Quadrants != want {
				t.Errorf("%d quadrants, want %d", out.Quadrants, want)
			}
		})
	}
}

// lose has the map's element for the second batch fail.
func lose(in *pipeline.MergeFootprintsIn) { in.Footprints[1], in.Unreadable[1] = nil, nil }
