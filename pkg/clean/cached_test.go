package clean_test

import (
	"testing"

	"github.com/cosmostat/constellation/pkg/clean"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestCached: what the engine's cache says of a removed execution goes with it,
// and nothing else.
func TestCached(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		write(t, m, base, "dead/n/data/inputs.pb", "dead/n/raw/0/prepared.json", "dead2/n/data/inputs.pb", "dead2/end/data/0/outputs.pb")
		put := func(name, text string) {
			if _, err := objstore.WriteFile(t.Context(), m, objstore.Join(base, clean.CacheDir, name), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		put("p/d/t/1/a.json", `{"uri": "`+base+`/dead/n/raw/0/prepared.json"}`)
		put("p/d/t/1/b.json", `{"uri": "`+base+`/dead2/n/raw/0/prepared.json"}`)
		put("p/d/t/1/c.txt", base+"/dead/n/raw/0/prepared.json")
		scratch := clean.NewPlan(base)
		if err := scratch.FindScratch(t.Context(), m, base, "", "end/data/0/outputs.pb", later()); err != nil {
			t.Fatal(err)
		}
		cached := clean.NewPlan(objstore.Join(base, clean.CacheDir))
		if err := cached.FindCached(t.Context(), m, scratch); err != nil {
			t.Fatal(err)
		}
		if got := cached.Count(clean.Cached); got.Objects != 1 {
			t.Errorf("%+v", got)
		}
		for _, p := range []*clean.Plan{cached, scratch} {
			if _, err := p.Remove(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		holds(t, m, base, "_cache/p/d/t/1/b.json", "_cache/p/d/t/1/c.txt", "dead2/n/data/inputs.pb", "dead2/end/data/0/outputs.pb")
	})
}

// TestRemember: a tile whose pixels go is there for the configuration that
// measured it, and for others it is to be made again.
func TestRemember(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		complete(t, m, base+"/1/0_0", "psf/a.fits")
		complete(t, m, base+"/1/0_1", "psf/b.fits")
		r := run(base, survey.StatusOK)
		r.ConfigID, r.Tiles[0].Plan, r.Tiles[0].Again = "c1", "key", "first"
		p := clean.NewPlan(base)
		if err := p.FindPixels(t.Context(), m, r); err != nil {
			t.Fatal(err)
		}
		redo := survey.Redo{Store: m, Base: base + "/redo"}
		if err := p.Remember(t.Context(), redo); err != nil {
			t.Fatal(err)
		}
		if got, err := redo.Of(t.Context(), "key", "c1"); err != nil || got != "first" {
			t.Errorf("under its own configuration: %q, %v", got, err)
		}
		if got, err := redo.Of(t.Context(), "key", "c2"); err != nil || got == "first" {
			t.Errorf("under another: %q, %v", got, err)
		}
	})
}
