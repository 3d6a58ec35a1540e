package selection_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/selection"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

// The survey's tiles.
const west, east = 102018211, 102018212

// campaigning is a run of a survey in which an execution takes a tile at a time,
// and what select_tiles takes.
func campaigning(t *testing.T) (*testrun.Run, pipeline.SelectTilesIn) {
	t.Helper()
	t.Setenv(connect.EnvConfig, "")
	r := testrun.New(t, "campaign: {tiles: 1}")
	return r, pipeline.SelectTilesIn{
		Tiles: r.Indexed().Tiles, Tiling: r.Settings.Tiling, Catalog: r.Settings.Catalog, Destination: r.Settings.Destination, Campaign: r.Settings.Campaign,
	}
}

// selected is what an execution gets.
func selected(t *testing.T, r *testrun.Run, in pipeline.SelectTilesIn, tiles ...int64) (pipeline.SelectTilesOut, *campaign.Selection) {
	t.Helper()
	out, err := selection.Select(r.Stage("select"), in)
	if err != nil {
		t.Fatal(err)
	}
	s := testrun.Load[campaign.Selection](r, out.Selection.URI)
	if !slices.Equal(out.TileIDs, tiles) || !slices.Equal(s.Tiles(), tiles) || out.Leases != out.Selection.URI {
		t.Errorf("%s got %+v, the document says %+v; want %v", r.Settings.Destination.Run(), out, s, tiles)
	}
	if want := "shear/test/" + r.Settings.Destination.Run(); s.Holder != want || s.ConfigID != r.Settings.Destination.ConfigID {
		t.Errorf("the holder is %+v, want %s", s, want)
	}
	return out, s
}

// stands is how the survey stands.
func stands(t *testing.T, r *testrun.Run, in pipeline.SelectTilesIn, want campaign.Counts) *campaign.Report {
	t.Helper()
	report, err := selection.Status(r.Stage("status"), in)
	if err != nil {
		t.Fatal(err)
	}
	if report.Counts != want {
		t.Errorf("it stands %+v, want %+v", report.Counts, want)
	}
	return report
}

// TestSelect: who asks again gets the same, others get others, and what is
// committed is offered to nobody.
func TestSelect(t *testing.T) {
	r, in := campaigning(t)
	other, third := r.Again("r2"), r.Again("r3")
	if report := stands(t, r, in, campaign.Counts{Survey: 2, Untried: 2}); len(report.Holders) > 0 {
		t.Errorf("%+v", report)
	}
	first, mine := selected(t, r, in, west)
	_, again := selected(t, r, in, west)
	if !slices.Equal(mine.Leases, again.Leases) {
		t.Errorf("leased %+v, then %+v", mine.Leases, again.Leases)
	}
	stands(t, other, in, campaign.Counts{Survey: 2, Leased: 1, Untried: 1})
	selected(t, other, in, east)
	_, none := selected(t, third, in)
	if report := stands(t, third, in, none.Counts); none.Counts.Leased != 2 || len(report.Holders) != 2 || report.Holders[0].Name != "shear/test/r1" || !slices.Equal(report.Holders[0].Tiles, []int64{west}) || report.Holders[0].Gone {
		t.Errorf("%+v; %+v", none, report)
	}

	all := r.Prepared()[:1]
	commit := pipeline.AssembleCatalogIn{Destination: r.Settings.Destination}
	commit.Prepared, commit.Outcomes = r.Inferred(all)
	commit.Catalog, commit.Leases = r.Settings.Catalog, first.Leases
	if _, err := shear.Assemble(r.Stage("assemble"), commit); err != nil {
		t.Fatal(err)
	}
	stands(t, r, in, campaign.Counts{Survey: 2, Done: 1, Leased: 1})
	selected(t, r, in)
}

// TestSelectRefuses: who selects and who looks are refused the same, and nothing is leased.
func TestSelectRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, r *testrun.Run, in *pipeline.SelectTilesIn)
		code   string
	}{
		"a configuration of Flyte that isn't there": {func(t *testing.T, _ *testrun.Run, _ *pipeline.SelectTilesIn) {
			t.Setenv(connect.EnvConfig, filepath.Join(t.TempDir(), "none.yaml"))
		}, "FlyteConfigMissing"},
		"no tiles": {func(_ *testing.T, _ *testrun.Run, in *pipeline.SelectTilesIn) {
			in.Tiles = literal.Blob{URI: "mem://scratch/none.json"}
		}, objstore.NotFound},
		"a catalogue that can't be": {func(_ *testing.T, _ *testrun.Run, in *pipeline.SelectTilesIn) { in.Catalog.URI = "mysql://h/x" }, "CatalogSettings"},
	} {
		t.Run(name, func(t *testing.T) {
			r, in := campaigning(t)
			asked := in
			c.change(t, r, &asked)
			out, err := selection.Select(r.Stage("select"), asked)
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.BadInput {
				t.Errorf("select: %+v, %v; want %s", out, err, c.code)
			}
			report, err := selection.Status(r.Stage("status"), asked)
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.BadInput {
				t.Errorf("status: %+v, %v; want %s", report, err, c.code)
			}
			t.Setenv(connect.EnvConfig, "")
			stands(t, r, in, campaign.Counts{Survey: 2, Untried: 2})
		})
	}
}

// TestSelectionLost: leases whose document can't be written are the execution's
// all the same, and it gets them when it is tried again.
func TestSelectionLost(t *testing.T) {
	r, in := campaigning(t)
	r.Store.Fail = testrun.Refuse("create")
	if out, err := selection.Select(r.Stage("select"), in); fault.CodeOf(err) != objstore.AccessDenied {
		t.Errorf("%+v, %v", out, err)
	}
	r.Store.Fail = nil
	stands(t, r, in, campaign.Counts{Survey: 2, Leased: 1, Untried: 1})
	_, s := selected(t, r, in, west)
	if s.Leases[0].Attempt != 1 {
		t.Errorf("%+v", s.Leases)
	}
}
