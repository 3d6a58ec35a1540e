package shear_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// validation is what validate_catalog takes.
func validation(r *testrun.Run, run literal.Blob, retention settings.Retention) pipeline.ValidateCatalogIn {
	return pipeline.ValidateCatalogIn{
		Run: run, Destination: r.Settings.Destination, Catalog: r.Settings.Catalog, Thresholds: r.Settings.Thresholds, Retention: retention,
	}
}

// pixels are what output.retention: drop_pixels removes of a tile; "": of all.
func pixels(r *testrun.Run, tile string) []string {
	all := append(r.FindAll("products/r1/"+tile, "/exposures/"), r.FindAll("products/r1/"+tile, "/psf/")...)
	slices.Sort(all)
	return all
}

// TestValidate: what is found wanting is an error, and the report is written; only
// where nothing is and nothing is missing are pixels dropped: those of tiles all of
// whose sub-tiles are measured, and nothing else.
func TestValidate(t *testing.T) {
	const lost = "mem://products/r1/102018212/0_1/"
	for name, c := range map[string]struct {
		retention settings.Retention
		fails     bool                                                 // one sub-tile of the east
		spoil     func(t *testing.T, r *testrun.Run, run literal.Blob) // once all is committed
		change    func(r *testrun.Run, in *pipeline.ValidateCatalogIn) // of what is asked for
		code      string                                               // of an error
		says      string                                               // part of it
		report    bool                                                 // is there
		dropped   []string                                             // tiles
	}{
		"good":            {retention: "keep", report: true},
		"good, pixels go": {retention: "drop_pixels", report: true, dropped: []string{"102018211", "102018212"}},
		"too many failed": {retention: "drop_pixels", fails: true, code: "ValidationFailed", says: "it diverged", report: true},
		"some may fail": {
			retention: "drop_pixels", fails: true, report: true, dropped: []string{"102018211"},
			change: func(_ *testrun.Run, in *pipeline.ValidateCatalogIn) { in.Thresholds.MaxFailedFraction = 0.5 },
		},
		"sub-tiles are missing, which they may": {
			retention: "drop_pixels", report: true,
			spoil: func(_ *testing.T, r *testrun.Run, run literal.Blob) {
				planned := testrun.Load[survey.Run](r, run.URI) // a further sub-tile, of which no row tells
				further := planned.Tiles[1].SubTiles[0]
				further.Row = 7
				planned.Tiles[1].SubTiles = append(planned.Tiles[1].SubTiles, further)
				r.Save(run.URI, planned)
			},
			change: func(_ *testrun.Run, in *pipeline.ValidateCatalogIn) { in.Thresholds.MinCompleteness = 0.5 },
		},
		"somebody else's file beside the pixels": {
			retention: "drop_pixels", report: true, dropped: []string{"102018211", "102018212"},
			spoil: func(t *testing.T, r *testrun.Run, _ literal.Blob) {
				_, err := objstore.WriteFile(t.Context(), r.Memory, lost+"exposures/notes.txt", []byte("mine"))
				check(t, err)
			},
		},
		"the catalogue is another's": {
			retention: "drop_pixels", code: "ValidationFailed", says: "8 of 8 sub-tiles have no row", report: true,
			change: func(_ *testrun.Run, in *pipeline.ValidateCatalogIn) { in.Catalog.Table = "others" },
		},
		"no catalogue": {
			retention: "drop_pixels", code: catalog.CodeSettings,
			change: func(_ *testrun.Run, in *pipeline.ValidateCatalogIn) { in.Catalog.URI = "mysql://h/x" },
		},
		"no record": {
			retention: "drop_pixels", code: objstore.NotFound,
			change: func(_ *testrun.Run, in *pipeline.ValidateCatalogIn) { in.Run.URI += ".gone" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, all, in := start(t)
			if c.fails {
				fails(r, strings.TrimSuffix(lost, "/"), "r1", all[1].Document.SubTiles[1].ID(east))
				in.Outcomes[1][1] = nil
			}
			run := assembled(t, r, in)
			if c.spoil != nil {
				c.spoil(t, r, run)
			}
			ask := validation(r, run, c.retention)
			if c.change != nil {
				c.change(r, &ask)
			}
			before, west, east := r.FindAll("mem://products/"), pixels(r, "102018211"), pixels(r, "102018212")
			out, err := shear.Validate(r.Stage("validate"), ask)
			if fault.CodeOf(err) != c.code || (err != nil) != (c.code != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%+v, %v; want %s with %q", out, err, c.code, c.says)
			}
			if (out.Report.URI != "") != c.report {
				t.Errorf("report: %+v", out)
			} else if c.report {
				if verdict := testrun.Load[catalog.Report](r, out.Report.URI); verdict.Snapshot != out.Snapshot || verdict.OK != (err == nil) {
					t.Errorf("%+v; the report: %+v", out, verdict)
				}
			}

			// What is gone, what is new, and what is marked.
			var want []string
			marked := map[string]bool{}
			for _, tile := range all {
				if !slices.Contains(c.dropped, objstore.Base(survey.TileURI("", tile.TileID))) {
					continue
				}
				marked[tile.Document.Plan] = true
				want = append(want, map[int64][]string{102018211: west, 102018212: east}[tile.TileID]...)
				for _, s := range tile.Document.SubTiles {
					want = append(want, objstore.Join(s.Directory, survey.DroppedFile))
				}
			}
			want = slices.DeleteFunc(want, func(uri string) bool { return strings.HasSuffix(uri, "notes.txt") })
			slices.Sort(want)
			if diff := cmp.Diff(want, symmetric(before, r.FindAll("mem://products/"), "/redo/")); diff != "" {
				t.Errorf("what is gone or new (-want +got):\n%s", diff)
			}
			marks := r.MarkedTiles()
			for _, tile := range all {
				if (marks[tile.Document.Plan] != "") != marked[tile.Document.Plan] {
					t.Errorf("tile %d: marks %v", tile.TileID, marks)
				}
			}
			for _, id := range c.dropped {
				for _, uri := range r.FindAll("products/r1/"+id, survey.DroppedFile) {
					d := testrun.Load[manifest.Dropped](r, uri)
					if d.Run != "r1" || len(d.Files) == 0 || d.Bytes == 0 || slices.Contains(d.Files, "exposures/notes.txt") {
						t.Errorf("%s: %+v", uri, d)
					}
				}
			}
			// For the configuration that measured them, the tiles are as good as there.
			redo := survey.Redo{Store: r.Memory, Base: r.Settings.Destination.RedoTiles()}
			for key := range marked {
				if again, err := redo.Of(t.Context(), key, r.Settings.Destination.ConfigID); err != nil || again != "" {
					t.Errorf("done again for %q under the same configuration (%v)", again, err)
				}
			}
		})
	}
}

// symmetric is what only one of two sorted listings has, but for some.
func symmetric(a, b []string, except string) (only []string) {
	for _, pair := range [][2][]string{{a, b}, {b, a}} {
		for _, uri := range pair[0] {
			if !slices.Contains(pair[1], uri) && !strings.Contains(uri, except) {
				only = append(only, uri)
			}
		}
	}
	slices.Sort(only)
	return only
}

// TestDropsOwnPixels: of tiles that the cache had, which an earlier run prepared,
// nothing is removed.
func TestDropsOwnPixels(t *testing.T) {
	r, all, _ := start(t)
	next := r.Again("r2")
	run := assembled(t, next, inferred(next, all))
	before := pixels(r, "")
	if _, err := shear.Validate(next.Stage("validate"), validation(next, run, "drop_pixels")); err != nil {
		t.Fatal(err)
	}
	if after := pixels(r, ""); !slices.Equal(before, after) || len(r.MarkedTiles()) > 0 || !r.Log.Says("kept_sub_tiles_of_earlier_runs=8") {
		t.Errorf("of %d files %d are left; marks %v", len(before), len(after), r.MarkedTiles())
	}
}
