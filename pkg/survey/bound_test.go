package survey_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestOwn: an outcome counts for the sub-tile, the products and the configuration
// that it is of.
func TestOwn(t *testing.T) {
	good := survey.Outcome{SubTileID: sky.ID(7, 0, 0), Status: survey.StatusOK, Directory: "mem://b/7/0_0", Plan: "key 7", ConfigID: "c"}
	for name, c := range map[string]struct {
		change func(o *survey.Outcome)
		says   string // empty: it counts
		redo   bool
	}{
		"good":                       {change: func(*survey.Outcome) {}},
		"of other products":          {func(o *survey.Outcome) { o.Plan = "key 8" }, "something else than was prepared", true},
		"of another configuration":   {func(o *survey.Outcome) { o.ConfigID = "d" }, "under configuration d, this is c", true},
		"of nobody knows what":       {func(o *survey.Outcome) { o.Plan = "" }, "an older version made it", true},
		"under nobody knows what":    {func(o *survey.Outcome) { o.ConfigID = "" }, "an older version made it", true},
		"of another sub-tile":        {func(o *survey.Outcome) { o.Row = 1 }, "of sub-tile tile 7, sub-tile 1_0", true},
		"of another tile":            {func(o *survey.Outcome) { o.TileID = 8 }, "of sub-tile tile 8", true},
		"in another directory":       {func(o *survey.Outcome) { o.Directory = "mem://b/r2/7/0_0" }, "in mem://b/r2/7/0_0", true},
		"failed, and says no more":   {func(o *survey.Outcome) { *o = survey.Outcome{Status: survey.StatusFailed, Reason: "it diverged"} }, "it diverged", false},
		"no sources by other's plan": {func(o *survey.Outcome) { o.Status, o.Plan = survey.StatusNoSources, "x" }, "something else", true},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			c.change(&o)
			run := &survey.Run{ConfigID: "c"}
			run.Add(prepared(7), []*survey.Outcome{&o, nil}, 0)
			s := run.Tiles[0].SubTiles[0]
			if (s.Status == survey.StatusFailed) != (c.says != "") || !strings.Contains(s.Reason, c.says) || s.Redo != c.redo ||
				s.SubTileID != good.SubTileID || s.Directory != good.Directory || s.Plan != "" || s.ConfigID != "" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestBind: a directory counts while it is complete and holds what the document
// says; else its sub-tile failed, and the tile is marked.
func TestBind(t *testing.T) {
	const dir = "mem://b/7/1_0"
	for name, c := range map[string]struct {
		spoil func(t *testing.T, store objstore.Store)
		says  string // empty: it counts
		kind  fault.Kind
	}{
		"good":                      {spoil: func(*testing.T, objstore.Store) {}},
		"made from something else":  {spoil: provenance("key 8"), says: survey.Replaced},
		"it says nothing":           {spoil: provenance(""), says: survey.Replaced},
		"the provenance is gone":    {spoil: remove(survey.ProvenanceFile), says: "gone or damaged"},
		"the provenance is garbled": {spoil: garble(survey.ProvenanceFile), says: "gone or damaged"},
		"being made again":          {spoil: remove(survey.LocalManifestFile), says: "not complete any more"},
		"another name for the same": {spoil: provenance("key 7")},
		"the whole directory is away": {spoil: func(t *testing.T, store objstore.Store) {
			remove(survey.ProvenanceFile)(t, store)
			remove(survey.LocalManifestFile)(t, store)
		}, says: "gone or damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			store := objstore.NewMemory()
			p := prepared(7)
			for _, s := range p.SubTiles {
				save(t, store, objstore.Join(s.Directory, survey.ProvenanceFile), map[string]string{"plan": p.Plan})
				save(t, store, objstore.Join(s.Directory, survey.LocalManifestFile), 0)
			}
			c.spoil(t, store)
			run := &survey.Run{RunID: "r", ConfigID: "c"}
			run.Add(p, nil, 0)
			if err := run.Bind(t.Context(), store); err != nil {
				t.Fatal(err)
			}
			for i, s := range run.Tiles[0].SubTiles {
				lost := i == 2 && c.says != ""
				if (s.Status == survey.StatusFailed) != lost || lost && (!strings.Contains(s.Reason, c.says) || !strings.HasPrefix(s.Reason, dir) || !s.Redo) {
					t.Errorf("%+v", s)
				}
			}
			redo := survey.Redo{Store: store, Base: "mem://b/redo"}
			for range 2 { // the same finding twice is one mark
				if err := run.MarkFailures(t.Context(), redo); err != nil {
					t.Fatal(err)
				}
			}
			if again, err := redo.Of(t.Context(), p.Plan, "c"); err != nil || (again != "") != (c.says != "") {
				t.Errorf("marked: %q, %v", again, err)
			}
		})
	}
}

func save(t *testing.T, store objstore.Store, uri string, document any) {
	t.Helper()
	if err := survey.Save(t.Context(), store, uri, document); err != nil {
		t.Fatal(err)
	}
}

func provenance(plan string) func(*testing.T, objstore.Store) {
	return func(t *testing.T, store objstore.Store) {
		save(t, store, "mem://b/7/1_0/"+survey.ProvenanceFile, map[string]string{"plan": plan})
	}
}

func remove(file string) func(*testing.T, objstore.Store) {
	return func(t *testing.T, store objstore.Store) {
		if err := store.Delete(t.Context(), "mem://b/7/1_0/"+file); err != nil {
			t.Fatal(err)
		}
	}
}

func garble(file string) func(*testing.T, objstore.Store) {
	return func(t *testing.T, store objstore.Store) {
		if _, err := objstore.WriteFile(t.Context(), store, "mem://b/7/1_0/"+file, []byte("{")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStanding: when a run that ends with preparation fails, and what it says.
func TestStanding(t *testing.T) {
	tile := func(id int64, failure string, failed int) survey.RunTile {
		rt := survey.RunTile{TileID: id, Failure: failure}
		for i := range 4 {
			s := survey.RunSubTile{Outcome: survey.Outcome{SubTileID: sky.ID(id, i/2, i%2), Status: survey.StatusPrepared}}
			if i < failed {
				s.Status, s.Reason = survey.StatusFailed, fmt.Sprintf("%s%d is gone", failure, i)
			}
			rt.SubTiles = append(rt.SubTiles, s)
		}
		return rt
	}
	for name, c := range map[string]struct {
		tiles []survey.RunTile
		may   float64
		says  string // empty: it passes
	}{
		"no tiles":               {},
		"all prepared":           {tiles: []survey.RunTile{tile(1, "", 0), tile(2, "", 0)}},
		"one of two failed":      {tiles: []survey.RunTile{tile(1, "corrupt", 4), tile(2, "", 0)}, says: "1 of 2 tiles could not be prepared, 4 of 8 sub-tiles failed, a fraction of at most 0 is allowed: tile 1: corrupt"},
		"as many as may":         {tiles: []survey.RunTile{tile(1, "corrupt", 4), tile(2, "", 0)}, may: 0.5},
		"more than may":          {tiles: []survey.RunTile{tile(1, "corrupt", 4), tile(2, "", 0)}, may: 0.49, says: "1 of 2"},
		"all, whatever may":      {tiles: []survey.RunTile{tile(1, "corrupt", 4), tile(2, "lacks a catalogue", 4)}, may: 1, says: "2 of 2 tiles could not be prepared, 8 of 8 sub-tiles failed, a fraction of at most 1 is allowed: tile 1: corrupt; tile 2: lacks a catalogue"},
		"the same reason once":   {tiles: []survey.RunTile{tile(1, "corrupt", 4), tile(2, "corrupt", 4)}, says: "allowed: tile 1: corrupt ("},
		"a sub-tile is gone":     {tiles: []survey.RunTile{tile(1, "", 1)}, says: "0 of 1 tiles could not be prepared, 1 of 4 sub-tiles failed, a fraction of at most 0 is allowed: tile 1, sub-tile 0_0: 0 is gone"},
		"all sub-tiles are gone": {tiles: []survey.RunTile{tile(1, "", 4)}, may: 1, says: "1 of 1 tiles"},
	} {
		s := new(survey.Standing)
		s.Add(&survey.Run{Tiles: c.tiles})
		err := s.Judge(c.may)
		if (err != nil) != (c.says != "") || err != nil && (fault.CodeOf(err) != survey.CodeTileFailed || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
