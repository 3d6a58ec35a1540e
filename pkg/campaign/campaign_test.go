package campaign_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

const config = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func open(t *testing.T) *catalog.Catalog {
	return catalogtest.Open(t, settings.Catalog{Warehouse: t.TempDir(), Namespace: "shear", Table: "survey"})
}

// holders are who is known to live (true) or to be dead (false).
type holders map[string]bool

func (h holders) alive(_ context.Context, holder string) (alive, known bool, err error) {
	alive, known = h[holder]
	return alive, known, nil
}

func request(holder string, limit int, h holders) campaign.Request {
	return campaign.Request{ConfigID: config, Tiles: []int64{5, 3, 1, 4, 2}, SubTiles: 2, Limit: limit, Holder: holder, Expiry: time.Hour, MaxAttempts: 2, Alive: h.alive}
}

func choose(t *testing.T, c *catalog.Catalog, r campaign.Request) campaign.Selection {
	t.Helper()
	s, err := campaign.Select(t.Context(), c, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wants makes sure of the tiles that were selected, in order.
func wants(t *testing.T, s campaign.Selection, tiles ...int64) {
	t.Helper()
	if !slices.Equal(s.Tiles(), tiles) {
		t.Errorf("%s got %v, wants %v", s.Holder, s.Tiles(), tiles)
	}
}

// commit writes a tile's two sub-tiles, the second with a status; "" leaves it out.
func commit(t *testing.T, c *catalog.Catalog, tile int64, second string, leases []catalog.Lease) {
	t.Helper()
	g := float32(0.01)
	b := catalog.Batch{RunID: "run", ConfigID: config, Leases: leases, Shear: []results.Shear{{TileID: tile, G1: &g, G2: &g, Method: "mock", Status: survey.StatusOK}}}
	switch second {
	case "":
	case survey.StatusOK:
		b.Shear = append(b.Shear, results.Shear{TileID: tile, Col: 1, G1: &g, G2: &g, Method: "mock", Status: second})
	default:
		b.Shear = append(b.Shear, results.Shear{TileID: tile, Col: 1, Status: second})
	}
	if _, err := c.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, c *catalog.Catalog, h holders) *campaign.Report {
	t.Helper()
	rep, err := campaign.Status(t.Context(), c, request("", 0, h))
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// TestCampaign works a survey of five tiles off.
func TestCampaign(t *testing.T) {
	c := open(t)
	h := holders{"a": true, "b": true}
	a := choose(t, c, request("a", 2, h))
	wants(t, a, 5, 3)
	wants(t, choose(t, c, request("a", 2, h)), 5, 3) // asked again
	wants(t, choose(t, c, request("a", 4, h)), 5, 3) // for whatever number
	b := choose(t, c, request("b", 2, h))
	wants(t, b, 1, 4)
	if b.Leases[0].Token <= a.Leases[0].Token {
		t.Errorf("tokens don't grow: %+v, %+v", a.Leases, b.Leases)
	}
	if want := (campaign.Counts{Survey: 5, Leased: 2, Untried: 3}); b.Counts != want {
		t.Errorf("%+v, want %+v", b.Counts, want)
	}

	commit(t, c, 5, survey.StatusOK, a.Leases)
	commit(t, c, 3, survey.StatusFailed, a.Leases)
	commit(t, c, 2, "", nil) // by hand, and not whole
	d := choose(t, c, request("d", 9, h))
	wants(t, d, 3, 2) // both were tried once, so the survey's order counts
	if want := (campaign.Counts{Survey: 5, Done: 1, Leased: 2, Tried: 2}); d.Counts != want {
		t.Errorf("%+v, want %+v", d.Counts, want)
	}
	if d.Leases[0].Attempt != 2 || d.Leases[1].Attempt != 1 {
		t.Errorf("%+v", d.Leases)
	}

	// b dies: its tiles are taken over, and count as tried.
	h["b"], h["d"] = false, true
	e := choose(t, c, request("e", 9, h))
	wants(t, e, 1, 4)
	if e.Leases[0].Attempt != 2 || e.Leases[0].Token <= b.Leases[0].Token {
		t.Errorf("%+v", e.Leases)
	}
	if n, err := campaign.Release(t.Context(), c, b); n != 0 || err != nil {
		t.Errorf("%d leases of another holder were released, %v", n, err)
	}

	// e fails and says so: that is no try. d dies, with 3's last one.
	if n, err := campaign.Release(t.Context(), c, e); n != 2 || err != nil {
		t.Errorf("%d leases were released, %v", n, err)
	}
	h["d"] = false
	rep := status(t, c, h)
	want := &campaign.Report{
		ConfigID: config, Counts: campaign.Counts{Survey: 5, Done: 1, Tried: 3, GivenUp: 1}, Tried: []int64{1, 4, 2}, GivenUp: []int64{3},
		Holders: []campaign.Holder{{Name: "d", Tiles: []int64{3, 2}, Since: d.Leases[0].Since, Expires: d.Leases[0].Expires, Alive: "no", Gone: true}},
	}
	if diff := cmp.Diff(want, rep); diff != "" {
		t.Error(diff)
	}
	f := choose(t, c, request("f", 1, h))
	wants(t, f, 1)
	h["f"] = true
	if rep := status(t, c, h); len(rep.Holders) != 1 || rep.Holders[0].Name != "f" || rep.Counts.Leased != 1 {
		t.Errorf("the leases of a dead holder are there yet: %+v", rep)
	}

	// What was given up is offered again after it was mended.
	if n, err := campaign.Forget(t.Context(), c, config, []int64{3, 1, 77}); n != 1 || err != nil {
		t.Errorf("%d tiles were forgotten, %v", n, err)
	}
	g := choose(t, c, request("g", 9, h))
	wants(t, g, 3, 4, 2) // each was tried once: by b, by d, or by whoever left its rows
	for _, id := range g.Tiles() {
		commit(t, c, id, survey.StatusNoSources, g.Leases)
	}
	commit(t, c, 1, survey.StatusOK, f.Leases)
	last := choose(t, c, request("h", 9, h))
	wants(t, last)
	if want := (campaign.Counts{Survey: 5, Done: 5}); last.Counts != want || last.Counts.Left() != 0 {
		t.Errorf("%+v, want %+v", last.Counts, want)
	}
	if rep := status(t, c, h); len(rep.Holders)+len(rep.Tried)+len(rep.GivenUp) > 0 {
		t.Errorf("at the end: %+v", rep)
	}
	// Another configuration has not begun.
	r := request("i", 9, h)
	r.ConfigID = config[:63]
	wants(t, choose(t, c, r), 5, 3, 1, 4, 2)
}

// TestLiveness takes over from whom it should.
func TestLiveness(t *testing.T) {
	for _, tc := range []struct {
		name   string
		alive  campaign.Liveness
		expiry time.Duration
		taken  bool
	}{
		{"alive", holders{"a": true}.alive, time.Hour, false},
		{"alive, though the lease has run out", holders{"a": true}.alive, -time.Hour, false},
		{"dead", holders{"a": false}.alive, time.Hour, true},
		{"unknown", holders{}.alive, time.Hour, false},
		{"unknown, and the lease has run out", holders{}.alive, -time.Hour, true},
		{"nobody to ask", nil, time.Hour, false},
		{"nobody to ask, and the lease has run out", nil, -time.Hour, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := open(t)
			a := choose(t, c, request("a", 1, nil)).Leases
			a[0].Expires = time.Now().Add(tc.expiry)
			if err := c.Amend(t.Context(), config, func(*catalog.Ledger) ([]catalog.Lease, error) { return a, nil }); err != nil {
				t.Fatal(err)
			}
			r := request("b", 9, nil)
			r.Alive = tc.alive
			if b := choose(t, c, r); slices.Contains(b.Tiles(), 5) != tc.taken {
				t.Errorf("b got %v", b.Tiles())
			}
		})
	}
	c := open(t)
	choose(t, c, request("a", 1, nil))
	r := request("b", 1, nil)
	down := errors.New("the admin is down")
	r.Alive = func(context.Context, string) (alive, known bool, err error) { return false, false, down }
	if _, err := campaign.Select(t.Context(), c, r); !errors.Is(err, down) {
		t.Errorf("when nobody could be asked: %v", err)
	}
}

func TestRequest(t *testing.T) {
	for i, spoil := range []func(*campaign.Request){
		func(r *campaign.Request) { r.ConfigID = "" },
		func(r *campaign.Request) { r.Holder = "" },
		func(r *campaign.Request) { r.SubTiles = 0 },
		func(r *campaign.Request) { r.Limit = 0 },
		func(r *campaign.Request) { r.MaxAttempts = 0 },
		func(r *campaign.Request) { r.Expiry = time.Second },
	} {
		r := request("a", 1, nil)
		spoil(&r)
		if _, err := campaign.Select(t.Context(), open(t), r); fault.CodeOf(err) != campaign.CodeRequest {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestUnlisted: where nobody can list the survey, a status is of the tiles that have
// rows, are leased or were tried.
func TestUnlisted(t *testing.T) {
	c := open(t)
	h := holders{"a": true, "b": true}
	unlisted := func() *campaign.Report {
		t.Helper()
		r := request("", 0, h)
		r.Tiles, r.Unlisted = nil, true
		rep, err := campaign.Status(t.Context(), c, r)
		if err != nil || !rep.Unlisted {
			t.Fatal(rep, err)
		}
		return rep
	}
	if rep := unlisted(); rep.Counts != (campaign.Counts{}) {
		t.Errorf("%+v", rep)
	}
	a := choose(t, c, request("a", 2, h)) // 5 and 3
	commit(t, c, 5, survey.StatusOK, a.Leases)
	commit(t, c, 77, "", nil) // by hand, beside the survey
	choose(t, c, request("b", 1, h))
	h["b"] = false
	rep := unlisted()
	if want := (campaign.Counts{Survey: 4, Done: 1, Leased: 1, Tried: 2}); rep.Counts != want || len(rep.Holders) != 2 || !slices.Equal(rep.Tried, []int64{1, 77}) {
		t.Errorf("%+v", rep)
	}
}
