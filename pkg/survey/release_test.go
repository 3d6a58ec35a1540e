package survey

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// TestHoldRelease: the first run of a configuration settles the release, and later ones hold to it.
func TestHoldRelease(t *testing.T) {
	store, dir := objstore.NewMemory(), "mem://b/releases"
	for _, c := range []struct{ config, run, newest, want, says string }{
		{"c", "r1", "00.00", "00.00", ""}, {"c", "r1", "00.00", "00.00", ""}, {"d", "r3", "01.00", "01.00", ""}, {"e", "r4", "", "", ""},
		{"c", "r2", "01.00", "00.00", `release 00.00 counts, not 01.00: the run "r1" settled it for this configuration in mem://b/releases/c.json (`},
		{"e", "r5", "02.00", "", `release none counts, not 02.00: the run "r4" settled it`},
	} {
		got, note, err := HoldRelease(t.Context(), store, dir, c.config, c.run, c.newest)
		if err != nil || got != c.want || (note == "") != (c.says == "") || !strings.Contains(note, c.says) {
			t.Errorf("%+v: %q, %q, %v", c, got, note, err)
		}
	}
	if _, err := objstore.WriteFile(t.Context(), store, dir+"/f.json", []byte(`{"release": "the last"}`)); err != nil {
		t.Fatal(err)
	}
	if got, _, err := HoldRelease(t.Context(), store, dir, "f", "r", "00.00"); fault.CodeOf(err) != "DocumentInvalid" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestWeigh: tiles of another release, with a newer one, or without a catalogue are counted and named.
func TestWeigh(t *testing.T) {
	tile := func(id int64, ra float64, release, newer, lacks string) euclid.MERTile {
		m := euclid.MERTile{ID: id, Centre: sky.Coord{RA: ra}, Release: release, Newer: newer, Lacks: lacks}
		if lacks == "" && release != "none" {
			m.Catalogs = []euclid.File{{URI: "x"}}
		}
		return m
	}
	for name, c := range map[string]struct {
		tiles []euclid.MERTile
		says  []string // each of a note of its own
	}{
		"all of one":     {[]euclid.MERTile{tile(1, 0, "01.00", "", ""), tile(2, 0.5, "01.00", "", "")}, nil},
		"an older one":   {[]euclid.MERTile{tile(1, 0, "01.00", "", ""), tile(2, 0.5, "00.00", "", "")}, []string{"another release than 01.00, which counts: 1 (tile 2 (00.00))", "from neighbours: 1 (tile 1)"}},
		"far away":       {[]euclid.MERTile{tile(1, 0, "01.00", "", ""), tile(2, 9, "00.00", "", "")}, []string{"another release"}},
		"a newer one":    {[]euclid.MERTile{tile(1, 0, "01.00", "02.00", ""), tile(2, 0.5, "01.00", "", "")}, []string{"newer release than 01.00, not taken (for another campaign, set data.release): 1 (tile 1 (02.00))"}},
		"one compressed": {[]euclid.MERTile{tile(1, 0, "01.00", "", ""), tile(2, 0.5, "01.00", "", "its catalogue is compressed")}, []string{"without a catalogue to take, so that nothing of theirs lies in others' margins: 1 (tile 2: its catalogue is compressed)"}},
		"one absent":     {[]euclid.MERTile{tile(1, 0, "01.00", "", ""), tile(2, 0.5, "none", "", "")}, []string{"tile 2 has none"}},
	} {
		tiles := &Tiles{Wanted: []int64{1}, Tiles: c.tiles}
		tiles.Weigh("01.00", 0.8)
		if tiles.Release != "01.00" || len(tiles.Notes) != len(c.says) {
			t.Errorf("%s: %q", name, tiles.Notes)
			continue
		}
		for i, want := range c.says {
			if !strings.Contains(tiles.Notes[i], want) {
				t.Errorf("%s: %q, want %q", name, tiles.Notes[i], want)
			}
		}
	}
}

// TestAbsent: exposures that lack what they need are counted once, and WGT is not needed.
func TestAbsent(t *testing.T) {
	id := func(obs string) euclid.ExposureID { return euclid.ExposureID{Obs: obs, Dither: "00", Number: "1"} }
	o := &euclid.Observations{
		Exposures: []euclid.Exposure{{ExposureID: id("000001")}, {ExposureID: id("000002")}, {ExposureID: id("000004")}},
		Incomplete: []euclid.Missing{
			{Exposure: id("000001"), Product: euclid.WGT}, {Exposure: id("000002"), Product: euclid.BKG}, {Exposure: id("000002"), Product: euclid.PSF},
			{Exposure: id("000003"), Product: euclid.DET, There: "gunzip it"}, {Exposure: id("000004"), Product: euclid.WGT, There: "funpack it"},
		},
		Leftover: 1, LeftoverExamples: []string{`"x~"`},
	}
	p, err := NewPlan(t.Context(), objstore.NewMemory(), "mem://b/plan.json", o, 1, nil)
	if err != nil || p.Absent != 2 || p.WithoutDET != 1 || p.AbsentFirst[0].Product != euclid.BKG || p.AbsentFirst[1].String() != "000003_00_1 lacks DET: gunzip it" {
		t.Errorf("%+v, %v", p, err)
	}
	if notes := strings.Join(p.Notes(), "\n"); !strings.Contains(notes, "000004_00_1 lacks WGT: funpack it") || !strings.Contains(notes, `"x~"`) || strings.Contains(notes, "000001") {
		t.Error(notes)
	}
}
