package resulttest_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/resulttest"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestDirectories: what is left of a survey is what inference says of it, holds to
// the manifests, and is the same each time.
func TestDirectories(t *testing.T) {
	s := resulttest.Survey{Tiles: 2, Sources: 30, Grid: resulttest.Grid(), ConfigID: "bench"}
	a, b := objstore.NewMemory(), objstore.NewMemory()
	var left *resulttest.Left
	for _, store := range []objstore.Store{a, b} {
		var err error
		if left, err = s.Directories(t.Context(), store, "mem://runs/r1", "mem://documents"); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, tile := range left.Outcomes {
		for _, uri := range tile {
			o, err := survey.Load[survey.Outcome](t.Context(), a, uri)
			if err != nil {
				t.Fatal(err)
			}
			text, err := objstore.ReadFile(t.Context(), a, objstore.Join(o.Directory, survey.LocalManifestFile))
			if err != nil {
				t.Fatal(err)
			}
			m, err := manifest.Read(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			shear, err := results.LoadShear(t.Context(), b, o.Shear)
			if err != nil {
				t.Fatal(err)
			}
			sources, err := results.LoadSources(t.Context(), b, o.Sources)
			if err != nil {
				t.Fatal(err)
			}
			if err := results.Check(m, shear, sources); err != nil || len(sources) != s.Sources {
				t.Errorf("%s: %d sources, %v", o.Directory, len(sources), err)
			}
			if int(shear[0].NSources) != len(slices.DeleteFunc(sources, func(s results.Source) bool { return s.Flags != 0 })) {
				t.Errorf("%s: N_SOURCES is %d", o.Directory, shear[0].NSources)
			}
			n++
		}
	}
	if n != s.SubTiles() || left.Files != 2*n || left.Bytes == 0 {
		t.Errorf("%d sub-tiles, %+v", n, left)
	}
}

// TestTiles: they lie side by side, and a later run measures the same sources anew.
func TestTiles(t *testing.T) {
	s := resulttest.Survey{Tiles: 60_000, Sources: 3, Grid: resulttest.Grid()}
	before := s.Tile(0)
	for i := range s.Tiles - 1 {
		next := s.Tile(i + 1)
		if apart := sky.Separation(before.Centre, next.Centre); next.ID != before.ID+1 || before.Centre.Dec == next.Centre.Dec && (apart < 0.4 || apart > 0.6) {
			t.Fatalf("tile %d is %g degrees from tile %d", next.ID, apart, before.ID)
		}
		before = next
	}
	sub := s.Grid.SubTiles(before)[5]
	row, sources := s.Rows(sub, nil)
	s.Again = 1
	again, others := s.Rows(sub, nil)
	if *row.G1 == *again.G1 || *sources[0].Flux == *others[0].Flux || sources[0].ObjectID != others[0].ObjectID || sources[0].RA != others[0].RA {
		t.Errorf("%v and %v", sources[0], others[0])
	}
}
