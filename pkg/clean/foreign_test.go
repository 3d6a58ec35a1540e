package clean_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/clean"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// kept wants the places of a plan that are kept, and the object that keeps each.
func kept(t *testing.T, p *clean.Plan, base string, want ...string) {
	t.Helper()
	var got []string
	for _, k := range p.Kept() {
		got = append(got, strings.TrimPrefix(k.Place, base+"/")+" "+strings.TrimPrefix(k.Foreign, k.Place))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("kept: %q, want %q", got, want)
	}
}

// What only lies where a sub-tile might is nobody's to remove.
func TestForeignSubTiles(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		keep := []string{
			"photos/2024/01_02/a.jpg",
			"run/1/0_0/exposures/a_sci.fits", "run/1/0_0/exposures/mine.fits", "run/1/0_0/.results-1/shear.parquet",
			"run/1/0_1/+notes", "run/1/0_1/manifest_local.yaml",
			"run/1/0_2/psf/a_psf.fits/b", "run/1/0_3/manifest.yaml.bak", "run/1/0_4/.results-old/a", "run/1/0_5/exposures/x/a_sci.fits",
			"run/1/0_6/results/shear.parquet", "run/1/0_7/.results-1/shear.parquet",
		}
		write(t, m, base, keep...)
		gone := []string{
			"manifest.yaml", "provenance.json", "catalog.fits", "exposures/a_sci.fits", "exposures/a_bkg.fits", "exposures/a_wgt.fits",
			"psf/a_psf.fits", "results/plots/a.png", ".results-12/shear.parquet",
		}
		for _, path := range gone {
			write(t, m, base, "run/2/0_0/"+path)
		}
		write(t, m, base, "run/1/0_1/.results-2/inference.yaml")
		p := clean.NewPlan(base)
		if err := p.FindIncompleteOfAll(t.Context(), m, base, later()); err != nil {
			t.Fatal(err)
		}
		counts(t, p, clean.Incomplete, 2, len(gone)+1, int64(5*len(gone)+5))
		kept(t, p, base,
			"photos/2024/01_02/ a.jpg", "run/1/0_0/ exposures/mine.fits", "run/1/0_2/ psf/a_psf.fits/b", "run/1/0_3/ manifest.yaml.bak",
			"run/1/0_4/ .results-old/a", "run/1/0_5/ exposures/x/a_sci.fits", "run/1/0_7/ ")
		if _, err := p.Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		holds(t, m, base, keep...)
	})
}

// What only lies beside executions is none.
func TestForeignScratch(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		keep := []string{
			"mydata/thesis.txt", "mixed/n0/data/inputs.pb", "mixed/notes.txt", "deep/n0/data/inputs.pb", "deep/n0/data/thesis.txt",
			"other/n0/raw/0/a", "src/n0/data/inputs.pb", "src/n0/src/main.go",
		}
		write(t, m, base, keep...)
		gone := []string{
			"n0/data/inputs.pb", "n0/data/record.json", "n0/data/task.pb", "n0/data/0/error.pb", "n0/data/1/futures.pb", "n0/raw/1/out/a b",
			"n0/data/1/n-1/data/0/3/0/outputs.pb", "n0/data/1/n-1/data/0/3/record.json", "n0/data/1/n-1/raw/0/3/0/x",
			"sub/data/n2/data/inputs.pb", "sub/data/n2/data/0/deck.html",
		}
		for _, path := range gone {
			write(t, m, base, "lost/"+path)
		}
		p := clean.NewPlan(base)
		if err := p.FindScratch(t.Context(), m, base, "", "end-node/data/0/outputs.pb", later()); err != nil {
			t.Fatal(err)
		}
		counts(t, p, clean.Scratch, 1, len(gone), int64(5*len(gone)))
		kept(t, p, base, "mydata/ thesis.txt", "mixed/ notes.txt", "deep/ n0/data/thesis.txt", "other/ ", "src/ n0/src/main.go")
		one := clean.NewPlan(base + "/mydata")
		if err := one.FindScratch(t.Context(), m, base, "mydata", "end-node/data/0/outputs.pb", later()); err != nil || !one.Empty() {
			t.Errorf("what is no execution can go by its name: %v", err)
		}
		kept(t, one, base, "mydata/ thesis.txt")
		if _, err := p.Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		holds(t, m, base, keep...)
	})
}

// A record that leads out of its run by ".." removes nothing there.
func TestDotDot(t *testing.T) {
	store := objstore.Open(t.Context(), objstore.Config{})
	base := t.TempDir()
	paths := []string{"mine/1/0_0/psf/a.fits", "other/1/0_0/psf/a.fits"}
	write(t, store, base, paths...)
	for _, way := range []string{"/mine/../other", "/mine/1/../../other", "/mine//../other", "/mine/./", "/mine/1/.."} {
		p := clean.NewPlan(base + "/mine")
		if err := p.FindPixels(t.Context(), store, run(base+way, survey.StatusOK)); fault.CodeOf(err) != "OutsideBase" {
			t.Errorf("%s: %v", way, err)
		}
		if _, err := p.Remove(t.Context(), store); err != nil || !p.Empty() {
			t.Errorf("%s: something can go, %v", way, err)
		}
		holds(t, store, base, paths...)
	}
}
