package record_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

var destination = pipeline.Destination{RunURI: "mem://products/r1", ConfigID: "c", Redo: "mem://products/redo"}

func stage(t *testing.T, store objstore.Store) context.Context {
	return task.With(t.Context(), task.NewEnvironment(store, "mem://scratch/record", task.Identity{Element: -1}))
}

// prepared writes what preparation left of a tile.
func prepared(t *testing.T, store objstore.Store, uri string, tile int64, again, failure string) literal.Blob {
	t.Helper()
	p := survey.Prepared{Plan: "plan", Again: again, Failure: failure}
	p.TileID = tile
	for col, status := range []string{survey.StatusOK, survey.StatusNoSources} {
		if failure != "" {
			status = survey.StatusFailed
		}
		p.SubTiles = append(p.SubTiles, survey.SubTile{Cell: sky.Cell{Col: col}, Status: status, Directory: "mem://elsewhere"})
	}
	for document, content := range map[string]any{uri: p, "mem://elsewhere/provenance.json": p, "mem://elsewhere/manifest_local.yaml": 0} {
		if err := survey.Save(t.Context(), store, document, content); err != nil {
			t.Fatal(err)
		}
	}
	return literal.Blob{URI: uri, Format: "json"}
}

// TestTiles: a tile that failed is recorded, and marked, whoever answered for it:
// a cache marks nothing.
func TestTiles(t *testing.T) {
	for name, c := range map[string]struct {
		marked  string // already
		failure string
		gone    bool // one of the documents
		refused bool // the mark
		kind    fault.Kind
		want    bool // a mark other than that
	}{
		"good":                        {},
		"failed":                      {failure: "its catalogue is corrupt", want: true},
		"failed and marked already":   {failure: "its catalogue is corrupt", marked: "another"},
		"failed again under its mark": {failure: "its catalogue is corrupt", marked: "before", want: true},
		"a document is gone":          {failure: "its catalogue is corrupt", gone: true, kind: fault.BadInput},
		"the mark can't be written":   {failure: "its catalogue is corrupt", refused: true, kind: fault.BadInput},
	} {
		t.Run(name, func(t *testing.T) {
			memory := objstore.NewMemory()
			redo := survey.Redo{Store: memory, Base: destination.RedoTiles()}
			if c.marked != "" {
				if _, err := objstore.WriteFile(t.Context(), memory, destination.RedoTiles()+"/plan.json", []byte(`{"again": "`+c.marked+`"}`)); err != nil {
					t.Fatal(err)
				}
			}
			in := pipeline.RecordTilesIn{Part: 3, Destination: destination, Prepared: []literal.Blob{
				prepared(t, memory, "mem://scratch/7.json", 7, "before", c.failure), prepared(t, memory, "mem://scratch/8.json", 8, "", ""),
			}}
			if c.gone {
				in.Prepared[1].URI += ".gone"
			}
			var store objstore.Store = memory
			if c.refused {
				store = unmarkable{memory}
			}
			if c.failure != "" && c.marked == "" { // the tile was made under no mark
				in.Prepared[0] = prepared(t, memory, "mem://scratch/7.json", 7, "", c.failure)
			}
			out, err := record.Tiles(stage(t, store), in)
			marks, merr := redo.All(t.Context())
			if merr != nil {
				t.Fatal(merr)
			}
			if c.kind != fault.Unclassified {
				if fault.KindOf(err) != c.kind || len(marks) > 0 {
					t.Errorf("%v (%v), marks %v", err, fault.KindOf(err), marks)
				}
				if _, err := memory.Stat(t.Context(), "mem://products/r1/parts/00003.json"); err == nil {
					t.Error("an error leaves a record")
				}
				return
			}
			if err != nil || out.Part.URI != "mem://products/r1/parts/00003.json" {
				t.Fatalf("%+v, %v", out, err)
			}
			if again := marks["plan"]; c.want != (again != c.marked && again != "") || !c.want && again != c.marked {
				t.Errorf("marked to be done under %q", again)
			}
			part, err := survey.Load[survey.Run](t.Context(), memory, out.Part.URI)
			if err != nil || part.RunID != "r1" || part.ConfigID != "c" || len(part.Tiles) != 2 || part.Tiles[0].Failure != c.failure {
				t.Fatalf("%+v, %v", part, err)
			}
			want := map[string]int{survey.StatusPrepared: 2, survey.StatusNoSources: 2}
			if c.failure != "" {
				want = map[string]int{survey.StatusFailed: 2, survey.StatusPrepared: 1, survey.StatusNoSources: 1}
			}
			for status, n := range part.Counts() {
				if want[status] != n {
					t.Errorf("%d sub-tiles are %s, want %d", n, status, want[status])
				}
			}
		})
	}
}

// unmarkable is a store that takes no marks.
type unmarkable struct{ objstore.Store }

func (u unmarkable) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	if objstore.Base(uri) == "plan.json" {
		return nil, fault.Input(objstore.AccessDenied, "refused").On(uri)
	}
	return u.Store.Create(ctx, uri)
}

// TestByHand: tiles that are prepared by hand take their places in the record, and
// those that fail are marked; others stay. Another configuration's record is left as it is.
func TestByHand(t *testing.T) {
	earlier := []survey.RunTile{{TileID: 6, Failure: "it was corrupt"}, {TileID: 7, Failure: "so was this"}, {TileID: 9, LeftOut: []string{"an exposure"}}}
	for name, c := range map[string]struct {
		before *survey.Run
		want   []int64 // none: it is refused
	}{
		"no record":                      {want: []int64{7, 8}},
		"a record of other tiles":        {before: &survey.Run{RunID: "r1", ConfigID: "c", Tiles: earlier}, want: []int64{6, 7, 8, 9}},
		"another configuration's record": {before: &survey.Run{RunID: "r1", ConfigID: "d", Tiles: earlier}},
	} {
		t.Run(name, func(t *testing.T) {
			store := objstore.NewMemory()
			ctx, uri := stage(t, store), survey.RunURI(destination.RunURI)
			if c.before != nil {
				if err := survey.Save(ctx, store, uri, c.before); err != nil {
					t.Fatal(err)
				}
			}
			run, err := record.ByHand(ctx, pipeline.RecordTilesIn{Destination: destination, Prepared: []literal.Blob{
				prepared(t, store, "mem://scratch/8.json", 8, "", ""), prepared(t, store, "mem://scratch/7.json", 7, "", "its catalogue is corrupt"),
			}}, survey.Listed{})
			if c.want == nil {
				if _, serr := store.Stat(ctx, survey.IdentityURI(destination.RunURI)); fault.CodeOf(err) != survey.CodeRunTaken || serr == nil {
					t.Errorf("%+v, %v", run, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			saved, err := survey.LoadRun(ctx, store, uri)
			if diff := cmp.Diff(run, saved, cmpopts.EquateEmpty()); diff != "" || err != nil {
				t.Errorf("what it says and what is there: %s, %v", diff, err)
			}
			var ids []int64
			for _, tile := range run.Tiles {
				ids = append(ids, tile.TileID)
				if tile.TileID == 7 && (tile.Failure != "its catalogue is corrupt" || len(tile.SubTiles) != 2) || tile.TileID == 6 && tile.Failure != "it was corrupt" || tile.TileID == 9 && len(tile.LeftOut) != 1 {
					t.Errorf("%+v", tile)
				}
			}
			marks, err := survey.Redo{Store: store, Base: destination.RedoTiles()}.All(ctx)
			if err != nil || !slices.Equal(ids, c.want) || marks["plan"] == "" {
				t.Errorf("tiles %v, want %v; marks %v, %v", ids, c.want, marks, err)
			}
		})
	}
	store := objstore.NewMemory()
	if err := survey.Save(t.Context(), store, survey.RunURI(destination.RunURI), "no record"); err != nil {
		t.Fatal(err)
	}
	if _, err := record.ByHand(stage(t, store), pipeline.RecordTilesIn{Destination: destination}, survey.Listed{}); fault.CodeOf(err) != "DocumentInvalid" {
		t.Errorf("a record that is none is replaced: %v", err)
	}
}

// TestRun: the tiles of one part stand in the root, several parts are named there.
func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		parts  []string
		inline int
		names  []string
		code   string
	}{
		"no part":               {},
		"one part":              {parts: []string{"mem://products/r1/parts/00000.json"}, inline: 1},
		"two parts":             {parts: []string{"mem://products/r1/parts/00000.json", "mem://products/r1/parts/00001.json"}, names: []string{"parts/00000.json", "parts/00001.json"}},
		"one part that is gone": {parts: []string{"mem://products/r1/parts/00009.json"}, code: objstore.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			store := objstore.NewMemory()
			ctx := stage(t, store)
			in := pipeline.RecordRunIn{Destination: destination}
			for i := range 2 {
				part := survey.Run{RunID: "r1", ConfigID: "c", Tiles: []survey.RunTile{{TileID: int64(7 + i)}}}
				if err := survey.Save(ctx, store, survey.PartURI(destination.RunURI, int64(i)), part); err != nil {
					t.Fatal(err)
				}
			}
			for _, uri := range c.parts {
				in.Parts = append(in.Parts, literal.Blob{URI: uri})
			}
			out, err := record.Run(ctx, in)
			if fault.CodeOf(err) != c.code || c.code == "" && err != nil {
				t.Fatalf("%+v, %v", out, err)
			}
			if c.code != "" {
				return
			}
			root, err := survey.Load[survey.Run](ctx, store, "mem://products/r1/run.json")
			if err != nil || out.Run.URI != "mem://products/r1/run.json" || root.RunID != "r1" || root.ConfigID != "c" || len(root.Tiles) != c.inline || root.Tiles == nil || !slices.Equal(root.Parts, c.names) {
				t.Errorf("%+v, %+v, %v", out, root, err)
			}
			whole, err := survey.LoadRun(ctx, store, out.Run.URI)
			if err != nil || len(whole.Tiles) != len(c.parts) {
				t.Errorf("%+v, %v", whole, err)
			}
			for i, tile := range whole.Tiles {
				if tile.TileID != int64(7+i) {
					t.Errorf("tile %d is %d", i, tile.TileID)
				}
			}
		})
	}
}
