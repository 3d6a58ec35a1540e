package survey_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

func identity(configID string, change func(s *settings.Source, t *settings.Tiling, e *settings.Engine)) survey.Identity {
	s := settings.Source{VISBase: "s3://b/VIS/", MERBase: "s3://b/MER/", CatalogBase: "s3://b/cat/", Exposures: "nominal"}
	t, e := settings.Tiling{Source: "mer_mosaic", Grid: settings.Grid{Shape: settings.Shape{Rows: 2, Cols: 2}, MarginArcmin: 1}}, settings.Engine("mock")
	if change != nil {
		change(&s, &t, &e)
	}
	return survey.NewIdentity(configID, s, t, "strict", e)
}

// TestIdentity: a run's directory is of the configuration that came first, for
// each way of asking.
func TestIdentity(t *testing.T) {
	const run = "mem://b/r"
	mine := identity("c", nil)
	grid := identity("d", func(_ *settings.Source, t *settings.Tiling, _ *settings.Engine) { t.Rows = 3 })
	release := identity("d", func(s *settings.Source, _ *settings.Tiling, _ *settings.Engine) { s.Release = "00.01" })
	engine := identity("d", func(_ *settings.Source, _ *settings.Tiling, e *settings.Engine) { *e = "shine" })
	inference := identity("d", nil)
	for name, c := range map[string]struct {
		there              any // identity.json
		record             any // run.json
		claim, check, data string
		code               string
	}{
		"nobody's":                     {},
		"mine":                         {there: mine},
		"another grid":                 {there: grid, claim: "tiling.sub_tile_grid is [3, 2], here it is [2, 2]", check: "sub_tile_grid", data: "sub_tile_grid"},
		"another release":              {there: release, claim: "its data.release is 00.01, here it is ", check: "data.release", data: "data.release"},
		"another engine":               {there: engine, claim: "its engine is shine, here it is mock", check: "engine"},
		"another inference":            {there: inference, claim: "its config_id is d, this one's c", check: "config_id"},
		"whose data nobody knows":      {there: survey.Identity{ConfigID: "d"}, claim: "its config_id is d, this one's c", check: "config_id"},
		"an older version's":           {record: survey.Run{ConfigID: "d"}, claim: "its config_id is d, this one's c", check: "config_id"},
		"an older one of mine":         {record: survey.Run{ConfigID: "c"}},
		"both, and the first is right": {there: mine, record: survey.Run{ConfigID: "d"}},
		"names nothing":                {there: survey.Identity{}, claim: "names no configuration", check: "names no configuration", data: "names no configuration", code: "DocumentInvalid"},
		"is nothing":                   {there: "x", claim: "identity.json", check: "identity.json", data: "identity.json", code: "DocumentInvalid"},
	} {
		t.Run(name, func(t *testing.T) {
			store := objstore.NewMemory()
			if c.there != nil {
				save(t, store, survey.IdentityURI(run), c.there)
			}
			if c.record != nil {
				save(t, store, survey.RunURI(run), c.record)
			}
			code := c.code
			if code == "" {
				code = survey.CodeRunTaken
			}
			for how, asked := range map[string]struct {
				err  error
				says string
			}{
				"check": {mine.Check(t.Context(), store, run), c.check}, "data": {mine.CheckData(t.Context(), store, run), c.data}, "claim": {mine.Claim(t.Context(), store, run), c.claim},
			} {
				if (asked.err != nil) != (asked.says != "") || asked.err != nil && (fault.CodeOf(asked.err) != code || !strings.Contains(asked.err.Error(), asked.says)) {
					t.Errorf("%s: %v", how, asked.err)
				}
			}
			if is, err := survey.LoadIdentity(t.Context(), store, run); c.claim == "" && (err != nil || is.ConfigID != "c") {
				t.Errorf("after the claim: %+v, %v", is, err)
			}
		})
	}
}

// TestClaimAtOnce: of two configurations that claim a run together, one gets it,
// and all who are of that one.
func TestClaimAtOnce(t *testing.T) {
	for _, base := range []string{"mem://b/r", t.TempDir() + "/r"} {
		var store objstore.Store = objstore.NewMemory()
		if !strings.HasPrefix(base, "mem:") {
			store = objstore.Open(t.Context(), objstore.Config{})
		}
		var errs [16]error
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() {
				errs[i] = survey.Identity{ConfigID: string(rune('c' + i%2))}.Claim(t.Context(), store, base)
			})
		}
		wait.Wait()
		is, err := survey.LoadIdentity(t.Context(), store, base)
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			if mine := is.ConfigID == string(rune('c'+i%2)); mine != (err == nil) || err != nil && fault.CodeOf(err) != survey.CodeRunTaken {
				t.Errorf("%d of run %+v: %v", i, is, err)
			}
		}
	}
}

// TestCheckByHand: what a run measured itself is not replaced under another
// configuration; what somebody measured in it by hand may be.
func TestCheckByHand(t *testing.T) {
	const run, dir = "mem://b/r", "mem://b/r/7/0_0"
	measured := func(config, status string) survey.Run {
		return survey.Run{ConfigID: config, Tiles: []survey.RunTile{{SubTiles: []survey.RunSubTile{{Outcome: survey.Outcome{SubTileID: sky.ID(7, 0, 0), Status: status}}}}}}
	}
	for name, c := range map[string]struct {
		asks            string
		record          any
		summary         any
		records, result bool // whether each is refused
	}{
		"nothing yet":                       {asks: "d"},
		"its own configuration":             {asks: "c", record: measured("c", "ok"), summary: survey.Summary{ConfigID: "c"}},
		"it measured":                       {asks: "d", record: measured("c", "ok"), summary: survey.Summary{ConfigID: "c"}, records: true, result: true},
		"it prepared":                       {asks: "d", record: measured("c", "prepared")},
		"somebody measured in it":           {asks: "d", record: measured("d", "ok"), summary: survey.Summary{ConfigID: "d"}},
		"somebody measured it otherwise":    {asks: "e", record: measured("d", "ok"), summary: survey.Summary{ConfigID: "d"}},
		"a summary that says nothing of it": {asks: "d", summary: map[string]string{"x": "y"}},
		"a summary that is none":            {asks: "d", summary: "none"},
	} {
		store := objstore.NewMemory()
		save(t, store, survey.IdentityURI(run), identity("c", nil))
		if c.record != nil {
			save(t, store, survey.RunURI(run), c.record)
		}
		if c.summary != nil {
			save(t, store, survey.ResultsURI(dir, survey.SummaryFile), c.summary)
		}
		id := identity(c.asks, nil)
		records, result := id.CheckRecord(t.Context(), store, run), id.CheckResults(t.Context(), store, run, dir)
		if (records != nil) != c.records || (result != nil) != c.result || fault.CodeOf(errors.Join(records, result)) != map[bool]string{true: survey.CodeRunTaken}[c.records || c.result] {
			t.Errorf("%s: record %v; results %v", name, records, result)
		}
	}
}
