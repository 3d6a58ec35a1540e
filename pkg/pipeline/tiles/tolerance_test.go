package tiles_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// missign has all images of a file say a checksum that isn't theirs.
func missign(t *testing.T, r *testrun.Run, uri string) {
	t.Helper()
	raw, err := objstore.ReadFile(t.Context(), r.Memory, uri)
	if err != nil {
		t.Fatal(err)
	}
	raw = slices.Clone(raw)
	all, err := fits.ReadIndex(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all[1:] {
		head := h.Header.SetText("DATASUM", "1", "").Encode()
		if int64(len(head)) != h.HeaderSize {
			t.Fatalf("the header of %s has %d bytes now", h, len(head))
		}
		copy(raw[h.Offset:], head)
	}
	if _, err := objstore.WriteFile(t.Context(), r.Memory, uri, raw); err != nil {
		t.Fatal(err)
	}
}

// TestTolerance: a file whose pixels don't match their checksums costs the tile, or
// its exposure, or a warning, as the settings say. The latter two are marked, so that
// a stricter run doesn't find them in the cache.
func TestTolerance(t *testing.T) {
	for name, c := range map[string]struct {
		tolerance          pipeline.Tolerance
		failed, lost, kept bool
	}{
		"none":          {tolerance: pipeline.Tolerance{MaxMissing: "0", Verify: settings.VerifyStrict}, failed: true},
		"of old inputs": {failed: true},
		"one":           {tolerance: pipeline.Tolerance{MaxMissing: "1", Verify: settings.VerifyStrict}, lost: true},
		"a fraction":    {tolerance: pipeline.Tolerance{MaxMissing: "0.001", Verify: settings.VerifyStrict}, lost: true},
		"a warning":     {tolerance: pipeline.Tolerance{MaxMissing: "0", Verify: settings.VerifyWarn}, kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := testrun.New(t)
			bad := r.Find("SWL-BKG-002682")
			missign(t, r, bad)
			in := r.Planned()[1]
			in.Tolerance = c.tolerance
			out, err := tiles.Prepare(r.Stage("prepare"), in.PrepareTileIn)
			if err != nil {
				t.Fatal(err)
			}
			p := testrun.Load[survey.Prepared](r, out.Prepared.URI)
			if (out.Failure != "") != c.failed || (len(p.Lost) == 1) != c.lost || (len(p.Unverified) > 0) != c.kept {
				t.Errorf("failure %q, lost %v, unverified %v", out.Failure, p.Lost, p.Unverified)
			}
			for _, l := range p.Lost {
				if l.Exposure.Obs != "002682" || !strings.Contains(l.Reason, bad) || !strings.Contains(l.Reason, "DATASUM") {
					t.Errorf("lost %s", l)
				}
			}
			for _, why := range p.Unverified {
				if !strings.Contains(why, bad) || !strings.Contains(why, "HDU ") {
					t.Errorf("unverified %s", why)
				}
			}
			for _, s := range p.SubTiles {
				if c.lost && slices.ContainsFunc(r.FindAll(s.Directory), func(uri string) bool { return strings.Contains(uri, "002682") }) {
					t.Errorf("%s has files of the lost exposure", s.Directory)
				}
			}
			if marks := r.MarkedTiles(); len(marks) != 1 || marks[p.Plan] == "" {
				t.Errorf("marks %v", marks)
			}
			run := &survey.Run{}
			run.Add(p, nil, 0)
			if told := run.Tiles[0]; (len(told.LeftOut) > 0) != c.lost || (len(told.Unverified) > 0) != c.kept {
				t.Errorf("the record has %+v", told)
			}
		})
	}
}
