package survey_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/extract"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

func plan(n, perBatch int) *survey.Plan {
	p := &survey.Plan{PerBatch: perBatch}
	for i := range n {
		p.Exposures = append(p.Exposures, euclid.Exposure{ExposureID: euclid.ExposureID{Obs: fmt.Sprintf("%06d", i), Dither: "00", Number: "1"}})
	}
	return p
}

// TestBatches: every exposure is in exactly one batch, in order.
func TestBatches(t *testing.T) {
	for _, c := range []struct{ n, per, batches int }{{0, 3, 0}, {1, 3, 1}, {3, 3, 1}, {7, 3, 3}, {5, 1, 5}} {
		p := plan(c.n, c.per)
		if p.Batches() != c.batches || len(p.Indices()) != c.batches {
			t.Errorf("%d by %d: %d batches", c.n, c.per, p.Batches())
		}
		var all []euclid.Exposure
		for _, i := range p.Indices() {
			b, err := p.Batch(int(i))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		if diff := cmp.Diff(p.Exposures, all); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := plan(3, 1).Batch(3); fault.CodeOf(err) != "UnknownBatch" {
		t.Errorf("%v", err)
	}
}

func TestDocuments(t *testing.T) {
	ctx, store := context.Background(), objstore.NewMemory()
	want := &survey.Prepared{Failure: "no catalogue"}
	want.TileID = 102018211
	want.SubTiles = []extract.SubTile{{Row: 0, Col: 1, Directory: "d/0_1", Status: "failed"}}
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

// TestFailedTile: a tile that failed keeps its sub-tiles in the count and offers no manifests.
func TestFailedTile(t *testing.T) {
	p := &survey.Prepared{Failure: "why"}
	p.SubTiles = make([]extract.SubTile, 4)
	if len(p.Indices()) != 4 {
		t.Errorf("%v", p.Indices())
	}
	for _, uri := range p.Manifests() {
		if uri != "" {
			t.Errorf("a manifest at %s", uri)
		}
	}
	if p.String() != "failed: why" {
		t.Error(p)
	}
	if _, err := p.SubTile(4); fault.CodeOf(err) != "UnknownSubTile" {
		t.Errorf("%v", err)
	}
}

func TestUnknownTile(t *testing.T) {
	tiles := &survey.Tiles{Tiles: []euclid.MERTile{{ID: 7}}}
	if _, err := tiles.Find(8); fault.CodeOf(err) != "UnknownTile" {
		t.Errorf("%v", err)
	}
}
