package prepare_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// batches writes one object of footprints per two exposures.
func batches(t *testing.T, s indextest.Survey, dir string, shift ...int) (plan *survey.Plan, exposures []euclid.Exposure, read []prepare.Footprints, all []euclid.Quadrant) {
	t.Helper()
	for from := 0; from < s.Exposures; from += 2 {
		var qs []euclid.Quadrant
		err := s.Each(from, from+2, func(some []euclid.Quadrant) error {
			for _, by := range shift { // to other observations
				for i := range some {
					some[i].Exposure.Obs = fmt.Sprintf("%06d", by+from/4)
				}
			}
			id := some[0].Exposure
			exposures = append(exposures, euclid.Exposure{ExposureID: id, DET: euclid.File{URI: "s3://vis/" + id.String() + ".fits"}})
			qs = append(qs, some...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := quadrants.Write(&b, qs); err != nil {
			t.Fatal(err)
		}
		uri := filepath.Join(dir, fmt.Sprintf("%d.parquet", from/2))
		read, all = append(read, prepare.Footprints{URI: uri}), append(all, qs...)
		if err := os.WriteFile(uri, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return planOf(t, filepath.Join(dir, "plan.json"), exposures, 2), exposures, read, all
}

// planOf writes the plan of some exposures.
func planOf(t *testing.T, uri string, exposures []euclid.Exposure, perBatch int) *survey.Plan {
	t.Helper()
	plan, err := survey.NewPlan(t.Context(), objstore.Open(t.Context(), objstore.Config{}), uri, &euclid.Observations{Exposures: exposures}, perBatch, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestMerge(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, store := t.TempDir(), objstore.Open(t.Context(), objstore.Config{})
	s := indextest.Survey{Exposures: 40, Centre: sky.Coord{RA: 0.1, Dec: 66}, AreaDeg2: 4}
	plan, exposures, read, all := batches(t, s, dir)
	root := filepath.Join(dir, "index", "quadrants.json")
	m, err := prepare.Merge(t.Context(), store, plan, read, "0", root, prepare.Earlier{})
	if err != nil || m.Quadrants != int64(len(all)) || m.Exposures != 40 || len(m.Missing) != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	x, err := index.Open(t.Context(), store, root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Near(t.Context(), s.Centre, 0.4)
	if err != nil {
		t.Fatal(err)
	}
	names := func(qs []euclid.Quadrant) (ns []string) {
		for _, q := range qs {
			ns = append(ns, q.Exposure.String()+" "+q.Name)
		}
		slices.Sort(ns)
		return ns
	}
	if diff := cmp.Diff(names(euclid.Overlapping(all, s.Centre, 0.4)), names(got)); diff != "" || len(got) == 0 {
		t.Errorf("(-want +got)\n%s", diff)
	}

	read[7] = prepare.Footprints{} // its element failed
	_, err = prepare.Merge(t.Context(), store, plan, read, "1", root, prepare.Earlier{})
	if fault.CodeOf(err) != "FilesMissing" || !strings.Contains(err.Error(), exposures[14].DET.URI) {
		t.Errorf("two are missing, one may be: %v", err)
	}
	m, err = prepare.Merge(t.Context(), store, plan, read, "0.05", root, prepare.Earlier{})
	if err != nil || m.Quadrants != int64(len(all)-288) || len(m.Missing) != 2 || len(m.Reasons) != 2 {
		t.Errorf("two are missing, two may be: %+v, %v", m, err)
	}
	if err := os.WriteFile(read[3].URI, []byte("PAR1 this is not"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = prepare.Merge(t.Context(), store, plan, read, "0.05", root, prepare.Earlier{})
	if fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), read[3].URI) {
		t.Errorf("a damaged batch: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "footprints-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestMergeGoesOn: a merge after an earlier one reads the batches that are new,
// or that were read again or otherwise, and no other; its answers are those of a
// merge of all.
func TestMergeGoesOn(t *testing.T) {
	dir := t.TempDir()
	s := indextest.Survey{Exposures: 160, Centre: sky.Coord{RA: 0.1, Dec: 66}, AreaDeg2: 16}
	_, exposures, read, all := batches(t, s, dir)
	earlier := prepare.Earlier{Dir: filepath.Join(dir, "index"), Reader: "3"}
	night := 0
	var cost objstore.Usage
	merge := func(what string, n, kept int, read []prepare.Footprints, earlier prepare.Earlier) []euclid.Quadrant {
		t.Helper()
		night++
		store := objstore.Open(t.Context(), objstore.Config{})
		plan := planOf(t, filepath.Join(dir, fmt.Sprint(night), "plan.json"), exposures[:2*n], 2)
		root := filepath.Join(dir, fmt.Sprint(night), "quadrants.json")
		before := store.Usage()
		m, err := prepare.Merge(t.Context(), store, plan, read[:n], "0.1", root, earlier)
		if err != nil || m.Kept != kept {
			t.Fatalf("%s: %d batches were kept, want %d; %+v, %v", what, m.Kept, kept, m, err)
		}
		cost = store.Usage()
		cost.Requests, cost.BytesRead = cost.Requests-before.Requests, cost.BytesRead-before.BytesRead
		x, err := index.Open(t.Context(), store, root)
		if err != nil {
			t.Fatal(err)
		}
		qs, err := x.Near(t.Context(), s.Centre, 180)
		if err != nil {
			t.Fatal(err)
		}
		return qs
	}
	same := func(what string, want, got []euclid.Quadrant) {
		t.Helper()
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %d quadrants, want %d, or they differ", what, len(got), len(want))
		}
	}
	anew := merge("anew", 80, 0, read, prepare.Earlier{})
	if len(anew) != len(all) {
		t.Fatalf("%d of %d quadrants", len(anew), len(all))
	}
	whole := cost
	merge("the first", 78, 0, read, earlier)
	stat, err := os.Stat(read[0].URI)
	if err != nil {
		t.Fatal(err)
	}
	hidden := filepath.Join(dir, "elsewhere")
	for _, b := range read[:78] { // nobody can read them now
		if err := os.Rename(b.URI, hidden+objstore.Base(b.URI)); err != nil {
			t.Fatal(err)
		}
	}
	same("two are new", anew, merge("two are new", 80, 78, read, earlier))
	if cost.BytesRead > 3*stat.Size()+1<<15 || cost.Requests > whole.Requests/4 {
		t.Errorf("%+v to read two batches of %d bytes; all take %+v", cost, stat.Size(), whole)
	}
	same("nothing is new", anew, merge("nothing is new", 80, 80, read, earlier))
	for _, b := range read[:78] {
		if err := os.Rename(hidden+objstore.Base(b.URI), b.URI); err != nil {
			t.Fatal(err)
		}
	}

	// A batch that is lost leaves, and comes back.
	lost := slices.Clone(read)
	lost[5] = prepare.Footprints{}
	same("one is lost", slices.DeleteFunc(slices.Clone(anew), func(q euclid.Quadrant) bool {
		return q.Exposure == exposures[10].ExposureID || q.Exposure == exposures[11].ExposureID
	}), merge("one is lost", 80, 79, lost, earlier))
	same("it is back", anew, merge("it is back", 80, 79, read, earlier))

	// Read again, elsewhere, with one exposure less.
	var some []euclid.Quadrant
	for _, q := range all {
		if q.Exposure == exposures[10].ExposureID {
			some = append(some, q)
		}
	}
	var b bytes.Buffer
	if err := quadrants.Write(&b, some); err != nil {
		t.Fatal(err)
	}
	lost[5] = prepare.Footprints{URI: filepath.Join(dir, "again.parquet"), Unreadable: map[string]string{exposures[11].DET.URI: "bad"}}
	if err := os.WriteFile(lost[5].URI, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	same("read again", slices.DeleteFunc(slices.Clone(anew), func(q euclid.Quadrant) bool {
		return q.Exposure == exposures[11].ExposureID
	}), merge("read again", 80, 79, lost, earlier))
	// Where a later reading was no better than the file's name tells.
	lost[5].Unreadable = nil
	merge("whole, says the stage", 80, 79, lost, earlier)
	// Another version of the stage may read otherwise.
	same("another version", anew, merge("another version", 80, 0, read, prepare.Earlier{Dir: earlier.Dir, Reader: "4"}))
}

// TestMergeSaysWhy: of a batch that was read in part, the bad files alone are missing.
func TestMergeSaysWhy(t *testing.T) {
	dir, store := t.TempDir(), objstore.Open(t.Context(), objstore.Config{})
	plan, exposures, read, _ := batches(t, indextest.Survey{Exposures: 8, Centre: sky.Coord{RA: 0.1, Dec: 66}, AreaDeg2: 1}, dir)
	bad, lost := exposures[3].DET.URI, exposures[4:6]
	why := bad + ": HDU 1-1.F.SCI: CRVAL1: keyword is missing"
	read[1].Unreadable, read[2].URI = map[string]string{bad: why}, ""
	root := filepath.Join(dir, "index", "quadrants.json")
	m, err := prepare.Merge(t.Context(), store, plan, read, "3", root, prepare.Earlier{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{bad, lost[0].DET.URI, lost[1].DET.URI}, m.Missing); diff != "" {
		t.Error(diff)
	}
	if len(m.Reasons) != 3 || m.Reasons[0] != why || !strings.Contains(m.Reasons[2], lost[1].DET.URI+": batch 2") {
		t.Errorf("%q", m.Reasons)
	}
	_, err = prepare.Merge(t.Context(), store, plan, read, "2", root, prepare.Earlier{})
	if fault.CodeOf(err) != "FilesMissing" {
		t.Fatal(err)
	}
	for _, want := range []string{"3 of 8", why, lost[0].DET.URI, lost[1].DET.URI, "data.max_missing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	if healthy := exposures[2].DET.URI; strings.Contains(err.Error(), healthy) {
		t.Errorf("%v\nnames %s", err, healthy)
	}
	read[0].Unreadable = map[string]string{bad: why}
	if _, err = prepare.Merge(t.Context(), store, plan, read, "3", root, prepare.Earlier{}); fault.KindOf(err) != fault.Bug {
		t.Errorf("a batch names a file of another: %v", err)
	}
}

// TestMergeCountsTheAbsent: exposures that the listing found without a file count, each once.
func TestMergeCountsTheAbsent(t *testing.T) {
	dir, store := t.TempDir(), objstore.Open(t.Context(), objstore.Config{})
	plan, exposures, read, _ := batches(t, indextest.Survey{Exposures: 8, Centre: sky.Coord{RA: 0.1, Dec: 66}, AreaDeg2: 1}, dir)
	bad := exposures[3]
	read[1].Unreadable = map[string]string{bad.DET.URI: bad.DET.URI + ": corrupt"}
	gone := euclid.ExposureID{Obs: "999999", Dither: "00", Number: "1"}
	plan.Absent, plan.WithoutDET = 2, 1
	plan.AbsentFirst = []euclid.Missing{{Exposure: bad.ExposureID, Product: euclid.PSF}, {Exposure: gone, Product: euclid.DET, There: "gunzip it"}}
	root := filepath.Join(dir, "index", "quadrants.json")
	m, err := prepare.Merge(t.Context(), store, plan, read, "2", root, prepare.Earlier{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{bad.DET.URI, gone.String()}, m.Missing); diff != "" || len(m.Reasons) != 2 {
		t.Error(diff, m.Reasons)
	}
	_, err = prepare.Merge(t.Context(), store, plan, read, "1", root, prepare.Earlier{})
	if fault.CodeOf(err) != "FilesMissing" || !strings.Contains(err.Error(), "2 of 9 exposures") || !strings.Contains(err.Error(), gone.String()+" lacks DET: gunzip it") {
		t.Error(err)
	}
	if _, err = prepare.Merge(t.Context(), store, plan, read, "0.3", root, prepare.Earlier{}); err != nil {
		t.Errorf("a fraction is of all exposures: %v", err)
	}
}

// refusing is a store that fails on some objects.
type refusing struct {
	objstore.Store
	fails func(doing, uri string) error
}

func (r refusing) Stat(ctx context.Context, uri string) (objstore.Info, error) {
	if err := r.fails("stat", uri); err != nil {
		return objstore.Info{}, err
	}
	return r.Store.Stat(ctx, uri)
}

func (r refusing) Get(ctx context.Context, uri, etag string, at objstore.Range) (io.ReadCloser, error) {
	if err := r.fails("get", uri); err != nil {
		return nil, err
	}
	return r.Store.Get(ctx, uri, etag, at)
}

func (r refusing) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	if err := r.fails("create", uri); err != nil {
		return nil, err
	}
	up, err := r.Store.Create(ctx, uri)
	return refusingUpload{up, r, uri}, err
}

type refusingUpload struct {
	objstore.Upload
	r   refusing
	uri string
}

func (u refusingUpload) Commit() (objstore.Info, error) {
	if err := u.r.fails("commit", u.uri); err != nil {
		return objstore.Info{}, err
	}
	return u.Upload.Commit()
}

// simulated is a small survey on disk.
func simulated(t *testing.T) (s simulate.Survey, where *simulate.Summary, exposures []euclid.Exposure, store objstore.Store) {
	t.Helper()
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	s.Sparse, s.Redelivered, s.MissingWGT, s.Short, s.Observations, s.Dithers = true, "", false, 0, 1, 3
	store = objstore.Open(t.Context(), objstore.Config{})
	where, err = simulate.Run(t.Context(), store, t.TempDir(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := euclid.IndexExposures(t.Context(), store, where.VIS, settings.Nominal)
	if err != nil || len(listed.Exposures) != 3 {
		t.Fatalf("%+v, %v", listed, err)
	}
	return s, where, listed.Exposures, store
}

func TestBatch(t *testing.T) {
	_, _, es, store := simulated(t)
	uri := filepath.Join(t.TempDir(), "b.parquet")
	batch := func(fails func(doing, uri string) error) (*prepare.Footprints, error) {
		return prepare.Batch(t.Context(), refusing{store, fails}, es, store, uri)
	}
	healthy, err := batch(func(string, string) error { return nil })
	if err != nil || healthy.Quadrants == 0 || len(healthy.Unreadable) != 0 || healthy.Unreadable == nil {
		t.Fatalf("%+v, %v", healthy, err)
	}

	// The second exposure has a damaged DET file.
	f, err := os.ReadFile(es[1].DET.URI)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(f, []byte("CRVAL1  ="))
	copy(f[at:], "XRVAL1")
	if err := os.WriteFile(es[1].DET.URI, f, 0o666); err != nil {
		t.Fatal(err)
	}
	if es[1].DET, err = restat(t, store, es[1].DET); err != nil {
		t.Fatal(err)
	}
	got, err := batch(func(string, string) error { return nil })
	if err != nil || got.Quadrants != healthy.Quadrants*2/3 || len(got.Unreadable) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if why := got.Unreadable[es[1].DET.URI]; !strings.Contains(why, es[1].DET.URI) || !strings.Contains(why, "CRVAL1: keyword is missing") {
		t.Errorf("%q", why)
	}

	// A file that the store refuses, but no other.
	denied := fault.Input(objstore.AccessDenied, "not this one").On(es[0].BKG.URI)
	got, err = batch(func(_, uri string) error {
		if uri == es[0].BKG.URI {
			return denied
		}
		return nil
	})
	if err != nil || len(got.Unreadable) != 2 || !strings.Contains(got.Unreadable[es[0].DET.URI], es[0].BKG.URI) {
		t.Errorf("%+v, %v", got, err)
	}
	// A store that from some time on refuses all: credentials expired.
	var expired atomic.Bool
	_, err = batch(func(doing, uri string) error {
		if uri == es[0].BKG.URI {
			expired.Store(true)
			return denied
		}
		if expired.Load() && doing == "stat" {
			return fault.Input(objstore.AccessDenied, "expired").On(uri)
		}
		return nil
	})
	if fault.CodeOf(err) != objstore.AccessDenied {
		t.Errorf("credentials expired: %v", err)
	}
	// What passes by itself, and what nobody classified, fails the batch.
	for kind, trouble := range map[fault.Kind]error{
		fault.Transient: fault.Passing(objstore.Throttled, "slow down"), fault.Unclassified: errors.New("hm"), fault.Bug: fault.New(fault.Bug, "B", "oh"),
	} {
		_, err = batch(func(_, uri string) error {
			if uri == es[2].DET.URI {
				return trouble
			}
			return nil
		})
		if fault.KindOf(err) != kind {
			t.Errorf("%v: %v", kind, err)
		}
	}
	// What a file holds is about that file, even where it is the only one.
	alone, err := prepare.Batch(t.Context(), store, es[1:2], store, uri)
	if err != nil || alone.Quadrants != 0 || alone.Unreadable[es[1].DET.URI] == "" {
		t.Errorf("%+v, %v", alone, err)
	}
	if _, err = batch(func(string, string) error { return denied }); fault.CodeOf(err) != objstore.AccessDenied || !strings.Contains(err.Error(), "none of 3") {
		t.Errorf("%v", err)
	}
}

// restat is a file as a listing has it now.
func restat(t *testing.T, store objstore.Reader, f euclid.File) (euclid.File, error) {
	info, err := store.Stat(t.Context(), f.URI)
	f.Size, f.ETag = info.Size, info.ETag
	return f, err
}

// TestTileTrouble: whose store failed decides whether a tile has failed or the task.
func TestTileTrouble(t *testing.T) {
	s, where, exposures, store := simulated(t)
	dir := t.TempDir()
	plan := planOf(t, filepath.Join(dir, "plan.json"), exposures, 3)
	batch, err := prepare.Batch(t.Context(), store, exposures, store, filepath.Join(dir, "b.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "index", "quadrants.json")
	if _, err := prepare.Merge(t.Context(), store, plan, []prepare.Footprints{*batch}, "0", root, prepare.Earlier{}); err != nil {
		t.Fatal(err)
	}
	tiles, _, err := euclid.IndexTiles(t.Context(), store, euclid.TileOptions{
		Source: settings.FromMosaic, MERBase: where.MER, CatalogBase: where.Catalogs, IDs: s.TargetIDs(), NeighbourRadiusDeg: 2 * s.TileArcmin / 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	planner := prepare.Planner{
		Plan: plan, Tiles: &survey.Tiles{Tiles: tiles}, Store: store, Dir: filepath.Join(dir, "tiles"), Redo: survey.Redo{Store: store, Base: filepath.Join(dir, "redo")},
		Grid: sky.Grid{Shape: settings.Shape{Rows: s.GridRows, Cols: s.GridCols}, MarginArcmin: s.MarginArcmin, TileArcmin: s.TileArcmin, CoreArcmin: s.CoreArcmin},
	}
	if planner.Index, err = index.Open(t.Context(), store, root); err != nil {
		t.Fatal(err)
	}
	planned, err := planner.Plans(t.Context(), []int64{tiles[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	tile, near, err := prepare.LoadTilePlan(t.Context(), store, planned[0].URI)
	if err != nil {
		t.Fatal(err)
	}
	refused := fault.Input(objstore.Refused, "no")
	never := func(string, string) error { return nil }
	on := func(what, part string, err error) func(string, string) error {
		return func(doing, uri string) error {
			if doing == what && strings.Contains(uri, part) {
				return err
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		source, dest func(doing, uri string) error
		outcome      bool
		code         string
	}{
		"all is well":                 {source: never, dest: never},
		"source refuses a file":       {source: on("get", "DET", refused), dest: never, outcome: true},
		"source lost a file":          {source: on("get", "BKG", fault.Input(objstore.NotFound, "gone")), dest: never, outcome: true},
		"source refuses all":          {source: on("get", "", fault.Input(objstore.AccessDenied, "no")), dest: never, code: objstore.AccessDenied},
		"destination refuses objects": {source: never, dest: on("create", "_sci.fits", refused), code: objstore.Refused},
		"destination loses an upload": {source: never, dest: on("commit", "catalog.fits", fault.Input(objstore.NotFound, "no such bucket, now")), code: objstore.NotFound},
		"destination lies":            {source: never, dest: on("commit", "manifest", fault.Data(objstore.Truncated, "short")), code: objstore.Truncated},
		"destination can't be read":   {source: never, dest: on("get", "provenance", refused), code: objstore.Refused},
	} {
		p, err := prepare.Tile(t.Context(), prepare.TileJob{
			Plan: tile, Near: near,
			Source: refusing{store, c.source}, Dest: refusing{store, c.dest}, RunURI: filepath.Join(dir, strings.ReplaceAll(name, " ", "-")),
		})
		if fault.CodeOf(err) != c.code || (err == nil) != (c.code == "") || err == nil && (p.Failure != "") != c.outcome {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}
