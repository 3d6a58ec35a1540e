package survey_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// exposures are those of some observations, four dithers each.
func exposures(observations ...int) []euclid.Exposure {
	var all []euclid.Exposure
	for _, obs := range observations {
		for dither := range 4 {
			id := euclid.ExposureID{Obs: fmt.Sprintf("%06d", obs), Dither: fmt.Sprintf("%02d", dither), Number: "1"}
			all = append(all, euclid.Exposure{ExposureID: id, DET: euclid.File{URI: "s3://vis/" + id.String(), Size: 7, ETag: "e"}})
		}
	}
	return all
}

// TestCut: every exposure is in one batch, in order, and none is too large.
func TestCut(t *testing.T) {
	all := exposures(1, 2, 3, 9, 11, 12, 13, 14, 15, 30)
	for _, n := range []int{0, 1, 2, 3, 4, 7, 8, 16, 1000} {
		var joined []euclid.Exposure
		for _, batch := range survey.Cut(all, n) {
			if len(batch) == 0 || len(batch) > max(1, n) {
				t.Errorf("%d files a task: a batch of %d", n, len(batch))
			}
			joined = append(joined, batch...)
		}
		if diff := cmp.Diff(all, joined); diff != "" {
			t.Errorf("%d files a task: %s", n, diff)
		}
	}
}

// plan is that of some exposures, at uri.
func plan(t *testing.T, store objstore.Store, uri string, all []euclid.Exposure, n int, redo map[string]string) *survey.Plan {
	t.Helper()
	p, err := survey.NewPlan(t.Context(), store, uri, &euclid.Observations{Exposures: all}, n, redo)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sums(p *survey.Plan) (all []string) {
	for _, b := range p.Batches {
		all = append(all, b.SHA256)
	}
	return all
}

// TestStableBatches: a file that comes, goes or is replaced changes the batches
// of its own group of observations, and no others.
func TestStableBatches(t *testing.T) {
	store := objstore.NewMemory()
	before := exposures(2, 3, 4, 5, 6, 7, 100, 101, 102)
	for _, n := range []int{1, 2, 4, 8, 16} {
		was := sums(plan(t, store, "mem://b/1/plan.json", before, n, nil))
		replaced := slices.Clone(before)
		replaced[9].BKG.ETag = "new"
		for name, after := range map[string][]euclid.Exposure{
			"new observation": exposures(2, 3, 4, 5, 6, 7, 50, 100, 101, 102), "gone": slices.Delete(slices.Clone(before), 8, 12), "replaced": replaced,
		} {
			p := plan(t, store, "mem://b/2/plan.json", after, n, nil)
			changed := slices.DeleteFunc(sums(p), func(s string) bool { return slices.Contains(was, s) })
			if most := max(1, 4/n); len(changed) > most {
				t.Errorf("%s, %d files a task: %d batches of %d are new, want at most %d", name, n, len(changed), len(was), most)
			}
		}
	}
}

// TestPlan: a plan and its batches are found again, hold nothing of where they
// lie, and are held to their digests.
func TestPlan(t *testing.T) {
	ctx, store, all := t.Context(), objstore.NewMemory(), exposures(1, 2, 3)
	made := plan(t, store, "mem://b/one/plan.json", all, 4, nil)
	other := plan(t, store, "mem://b/two/plan.json", all, 4, nil)
	one, err1 := made.Digest()
	two, err2 := other.Digest()
	if err1 != nil || err2 != nil || one != two {
		t.Errorf("the same listing: %s, %s, %v, %v", one, two, err1, err2)
	}
	p, err := survey.OpenPlan(ctx, store, "mem://b/one/plan.json")
	if err != nil || p.Exposures != 12 || len(p.Batches) != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	for i := range p.Batches {
		b, err := p.Batch(ctx, store, i)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all[4*i:4*i+4], b.Exposures); diff != "" {
			t.Error(diff)
		}
		if key, err := b.Key(); err != nil || key != p.Batches[i].SHA256 {
			t.Errorf("key %s, %v", key, err)
		}
	}
	if got := p.Holding([]euclid.ExposureID{all[11].ExposureID, all[0].ExposureID, all[1].ExposureID, {Obs: "000009"}, {Obs: "000000"}}); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("held by %v", got)
	}
	if _, err := p.Batch(ctx, store, 3); fault.CodeOf(err) != "UnknownBatch" {
		t.Errorf("%v", err)
	}
	second := "mem://b/one/batches/" + p.Batches[1].SHA256 + ".json"
	if _, err := objstore.WriteFile(ctx, store, second, []byte(`{"exposures": []}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := survey.LoadBatch(ctx, store, "mem://b/one/plan.json", "../../etc/passwd"); fault.CodeOf(err) != "UnknownBatch" {
		t.Errorf("a name that is no batch: %v", err)
	}
	if _, err := p.Batch(ctx, store, 1); fault.KindOf(err) != fault.BadData || !strings.HasPrefix(err.Error(), second) {
		t.Errorf("a batch of another plan: %v", err)
	}
	many := make([]euclid.Exposure, survey.MaxBatches+1)
	for i := range many {
		many[i].Obs = fmt.Sprintf("%06d", 80*i) // sparse
	}
	if _, err := survey.NewPlan(ctx, store, "mem://b/p.json", &euclid.Observations{Exposures: many}, 1, nil); fault.CodeOf(err) != "TooManyBatches" || !strings.Contains(err.Error(), "raise it to 512 ") {
		t.Errorf("%v", err)
	}
}

// TestRedo: an item that is marked has another identity, its own key stays, and
// the same mark gives the same identity again.
func TestRedo(t *testing.T) {
	ctx, store, all := t.Context(), objstore.NewMemory(), exposures(1, 2)
	redo := survey.Redo{Store: store, Base: "mem://b/redo/batches"}
	if marks, err := redo.All(ctx); err != nil || len(marks) != 0 {
		t.Errorf("%v, %v", marks, err)
	}
	was := plan(t, store, "mem://b/p.json", all, 4, nil)
	batch, err := was.Batch(ctx, store, 1)
	if err != nil {
		t.Fatal(err)
	}
	key, err := batch.Key()
	if err != nil {
		t.Fatal(err)
	}
	planned := func(marks map[string]string) *survey.Plan { return plan(t, store, "mem://b/p.json", all, 4, marks) }
	seen := map[string]bool{was.Batches[1].SHA256: true}
	again := ""
	for range 3 { // each failure gives the item another identity, whichever run says so, and how often
		for _, run := range []string{"run-1", "run-2", "run-1"} {
			if err := redo.Failed(ctx, key, again, run); err != nil {
				t.Fatal(err)
			}
		}
		marks, err := redo.All(ctx)
		if err != nil || len(marks) != 1 || marks[key] == again {
			t.Fatalf("%v, %v", marks, err)
		}
		again = marks[key]
		p := planned(marks)
		if sum := p.Batches[1].SHA256; p.Batches[0].SHA256 != was.Batches[0].SHA256 || seen[sum] || sum != planned(marks).Batches[1].SHA256 {
			t.Errorf("marked: %v, was %v", sums(p), sums(was))
		}
		seen[p.Batches[1].SHA256] = true
		if b, err := p.Batch(ctx, store, 1); err != nil || b.Again != again {
			t.Errorf("%+v, %v", b, err)
		} else if k, _ := b.Key(); k != key {
			t.Errorf("the key has become %s", k)
		}
	}
	of := func(config, want string) {
		t.Helper()
		if got, err := redo.Of(ctx, key, config); err != nil || got != want {
			t.Errorf("planned under %s: %q, %v, want %q", config, got, err, want)
		}
	}
	// Products that served their purpose are as good as there for their own configuration.
	if err := redo.Dropped(ctx, key, again, "config-1", "run-3"); err != nil {
		t.Fatal(err)
	}
	of("config-1", again)
	second, err := redo.Of(ctx, key, "config-2")
	if err != nil || second == again || second == "" {
		t.Fatalf("%q, %v", second, err)
	}
	if err := redo.Dropped(ctx, key, second, "config-2", "run-4"); err != nil {
		t.Fatal(err)
	}
	of("config-1", again)
	of("config-2", second)
	// Somebody wants them after all, and they are gone.
	if err := redo.Failed(ctx, key, again, "run-5"); err != nil {
		t.Fatal(err)
	}
	third, err := redo.Of(ctx, key, "config-1")
	if err != nil || third == again || third == second {
		t.Errorf("%q, %v", third, err)
	}
	of("config-2", second)
	tile := survey.TilePlan{Tile: euclid.MERTile{ID: 7}}
	plain, _ := tile.Key()
	tile.Again = "run-1"
	if marked, _ := tile.Key(); marked != plain {
		t.Error("a tile's key changes with its mark")
	}
}

func TestDocuments(t *testing.T) {
	ctx, store := context.Background(), objstore.NewMemory()
	want := &survey.Prepared{Failure: "no catalogue"}
	want.TileID = 102018211
	want.SubTiles = []survey.SubTile{{Cell: sky.Cell{Col: 1}, Directory: "d/0_1", Status: "failed"}}
	if err := survey.Save(ctx, store, "mem://b/p.json", want); err != nil {
		t.Fatal(err)
	}
	got, err := survey.Load[survey.Prepared](ctx, store, "mem://b/p.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := objstore.WriteFile(ctx, store, "mem://b/bad.json", []byte("<html>")); err != nil {
		t.Fatal(err)
	}
	_, err = survey.Load[survey.Prepared](ctx, store, "mem://b/bad.json")
	if fault.KindOf(err) != fault.BadData || !strings.HasPrefix(err.Error(), "mem://b/bad.json: ") {
		t.Errorf("%v", err)
	}
}

// prepared is a tile of four sub-tiles, of which two have work.
func prepared(id int64) *survey.Prepared {
	p := &survey.Prepared{Plan: fmt.Sprint("key ", id)}
	p.TileID = id
	for i, status := range []string{survey.StatusOK, survey.StatusNoExposures, survey.StatusOK, survey.StatusNoSources} {
		p.SubTiles = append(p.SubTiles, survey.SubTile{Cell: sky.Cell{Row: i / 2, Col: i % 2}, Status: status, Directory: fmt.Sprintf("mem://b/%d/%d_%d", id, i/2, i%2)})
	}
	return p
}

// TestFailedTile: a tile that failed keeps its sub-tiles in the count and wakes
// no GPU.
func TestFailedTile(t *testing.T) {
	p := prepared(7)
	if got := p.ToInfer(0); !slices.Equal(got, []int64{0, 2}) {
		t.Errorf("to infer: %v", got)
	}
	p.Failure = "why"
	if got := p.ToInfer(0); got == nil || len(got) != 0 {
		t.Errorf("to infer: %v", got)
	}
	if p.String() != "failed: why" {
		t.Error(p)
	}
	if _, err := p.SubTile(4); fault.CodeOf(err) != "UnknownSubTile" {
		t.Errorf("%v", err)
	}
}

// TestRun: outcomes go to the sub-tiles that were inferred, the others say
// themselves how they ended, and a record in parts reads as one.
func TestRun(t *testing.T) {
	ctx, store := t.Context(), objstore.NewMemory()
	outcome := survey.Outcome{SubTileID: sky.ID(1, 1, 0), Status: survey.StatusOK, Directory: "mem://b/1/1_0", Plan: "key 1", ConfigID: "c"}
	for uri, document := range map[string]any{"mem://b/1.json": prepared(1), "mem://b/2.json": prepared(2), "mem://b/o.json": outcome} {
		if err := survey.Save(ctx, store, uri, document); err != nil {
			t.Fatal(err)
		}
	}
	one, err := survey.Collect(ctx, store, "mem://b/run", "r", "c", []string{"mem://b/1.json"}, [][]string{{"", "mem://b/o.json"}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ended []string
	for _, s := range one.Tiles[0].SubTiles {
		ended = append(ended, s.Status)
	}
	if diff := cmp.Diff([]string{survey.StatusFailed, survey.StatusNoExposures, survey.StatusOK, survey.StatusNoSources}, ended); diff != "" {
		t.Error(diff)
	}
	if s := one.Tiles[0].SubTiles; s[0].Reason != survey.Lost+", element 0 of tile 1" || s[0].Element != "0" || s[1].Element != "" || s[2].Element != "1" || s[2].Directory != "mem://b/1/1_0" || s[2].Plan != "" {
		t.Errorf("%+v", s)
	}
	two, err := survey.Collect(ctx, store, "mem://b/run", "r", "c", []string{"mem://b/2.json"}, nil, 0)
	if err != nil || two.Counts()[survey.StatusPrepared] != 2 {
		t.Fatalf("%+v, %v", two, err)
	}
	if _, err := survey.Collect(ctx, store, "mem://b/run", "r", "c", []string{"mem://b/2.json"}, [][]string{}, 0); fault.KindOf(err) != fault.Bug {
		t.Errorf("%v", err)
	}
	var parts []string
	for i, part := range []*survey.Run{one, two} {
		parts = append(parts, survey.PartURI("mem://b/r", int64(i)))
		if err := survey.Save(ctx, store, parts[i], part); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		uri, err := survey.SaveRun(ctx, store, "mem://b/r", "r", "c", parts[:n], survey.Listed{})
		if err != nil || uri != "mem://b/r/run.json" {
			t.Fatalf("%s, %v", uri, err)
		}
		run, err := survey.LoadRun(ctx, store, uri)
		if err != nil || len(run.Tiles) != n || run.RunID != "r" || run.ConfigID != "c" {
			t.Errorf("%d parts: %+v, %v", n, run, err)
		}
	}
}

// TestTooLarge: a sub-tile that a GPU has no room for is not inferred, and is
// recorded as failed with its numbers.
func TestTooLarge(t *testing.T) {
	p := prepared(7)
	for i := range p.SubTiles {
		p.SubTiles[i].Memory, p.SubTiles[i].Quadrants, p.SubTiles[i].Exposures = int64(i+1)*1e9, 61, 4
	}
	for budget, want := range map[int64][]int64{0: {0, 2}, 10e9: {0, 2}, 2e9: {0}, 1e6: {}} {
		if got := p.ToInfer(budget); !slices.Equal(got, want) {
			t.Errorf("%d bytes: %v, want %v", budget, got, want)
		}
	}
	run := &survey.Run{ConfigID: "c"}
	run.Add(p, []*survey.Outcome{{SubTileID: sky.ID(7, 0, 0), Status: survey.StatusOK, Directory: "mem://b/7/0_0", Plan: "key 7", ConfigID: "c"}}, 2e9)
	s := run.Tiles[0].SubTiles
	if s[0].Status != survey.StatusOK || s[2].Status != survey.StatusFailed || !strings.Contains(s[2].Reason, "3.0 GB for 61 quadrants of 4 exposures") || s[3].Status != survey.StatusNoSources {
		t.Errorf("%+v", s)
	}
}

// TestForeignParts: a record is made of what lies below it.
func TestForeignParts(t *testing.T) {
	store := objstore.NewMemory()
	for _, part := range []string{"../other/parts/00000.json", "/etc/passwd", "s3://theirs/x.json"} {
		if err := survey.Save(t.Context(), store, "mem://b/r/run.json", survey.Run{Parts: []string{"parts/00000.json", part}}); err != nil {
			t.Fatal(err)
		}
		if _, err := survey.LoadRun(t.Context(), store, "mem://b/r/run.json"); fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestUnknownTile(t *testing.T) {
	tiles := &survey.Tiles{Tiles: []euclid.MERTile{{ID: 7}, {ID: 9}}}
	if _, err := tiles.Find(8); fault.CodeOf(err) != "UnknownTile" {
		t.Errorf("%v", err)
	}
	if tile, err := tiles.Find(9); err != nil || tile.ID != 9 {
		t.Errorf("%+v, %v", tile, err)
	}
}
