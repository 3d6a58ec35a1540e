package euclid_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Of what there is of a DET, combined and in three files, the newest that is whole
// counts, once; what isn't whole is an exposure that is missing, and named.
func TestSplitDeliveries(t *testing.T) {
	const (
		old, now = "20250101T000000.0", "20250621T020155.487037"
		head     = "EUC_VIS_SWL-DET-067070-143-1__"
	)
	combined := func(time string) string { return head + time + "Z.fits" }
	part := func(time, part string) string { return head + time + "Z_" + part + ".fits" }
	parts := func(time string) []string { return []string{part(time, "sci"), part(time, "rms"), part(time, "flg")} }
	for what, c := range map[string]struct {
		files              []string
		det, rms, flg      string
		both, stray, older int
		why                []string // where it is missing
	}{
		"combined":                       {files: []string{combined(now)}, det: combined(now)},
		"in three":                       {files: parts(now), det: part(now, "sci"), rms: part(now, "rms"), flg: part(now, "flg")},
		"both of one time":               {files: append(parts(now), combined(now)), det: combined(now), both: 1},
		"combined is newer":              {files: append(parts(old), combined(now)), det: combined(now), older: 3},
		"in three is newer":              {files: append(parts(now), combined(old)), det: part(now, "sci"), rms: part(now, "rms"), flg: part(now, "flg"), older: 1},
		"newer in three, not whole":      {files: append(parts(now)[:2], combined(old)), det: combined(old), stray: 2},
		"older in three, not whole":      {files: append(parts(old)[1:], combined(now)), det: combined(now), older: 2},
		"beside the combined, not whole": {files: append(parts(now)[:1], combined(now)), det: combined(now), stray: 1},
		"two deliveries in three":        {files: append(parts(now), parts(old)...), det: part(now, "sci"), rms: part(now, "rms"), flg: part(now, "flg"), older: 3},
		"a part twice":                   {files: append(parts(now), "z/"+part(now, "rms")), det: part(now, "sci"), rms: "z/" + part(now, "rms"), flg: part(now, "flg"), older: 1},
		"parts in directories of their own": {files: []string{"a/" + part(now, "sci"), "b/" + part(now, "rms"), "c/" + part(now, "flg")},
			det: "a/" + part(now, "sci"), rms: "b/" + part(now, "rms"), flg: "c/" + part(now, "flg")},
		"compressed combined beside three":  {files: append(parts(now), combined(now)+".gz"), det: part(now, "sci"), rms: part(now, "rms"), flg: part(now, "flg"), both: 1},
		"a compressed part beside combined": {files: append(parts(now)[:2], part(now, "flg")+".gz", combined(now)), det: combined(now), both: 1},

		"no rms":                  {files: []string{part(now, "sci"), part(now, "flg")}, why: []string{`"` + part(now, "sci") + `" and "` + part(now, "flg") + `"`, "there is no _rms of the same time", "deliver the three"}},
		"no sci":                  {files: parts(now)[1:], why: []string{"there is no _sci of the same time"}},
		"rms of another time":     {files: []string{part(now, "sci"), part(now, "flg"), part(old, "rms")}, why: []string{"there is no _rms of the same time", `"` + part(old, "rms") + `" is of another delivery`}},
		"a part that isn't whole": {files: []string{part(now, "sci"), part(now, "flg"), part(now, "rms") + ".part"}, why: []string{"there is no _rms", `"` + part(now, "rms") + `.part" is no whole file`}},
		"a compressed part":       {files: append(parts(now)[:2], part(now, "flg")+".gz"), why: []string{`"` + part(now, "flg") + `.gz" is compressed: gunzip it`}},
		"all parts compressed":    {files: []string{part(now, "sci") + ".fz", part(now, "rms") + ".fz", part(now, "flg") + ".fz"}, why: []string{`_sci.fits.fz" is compressed: funpack it`}},
		"newer and compressed":    {files: append(parts(old), combined(now)+".gz"), why: []string{"is compressed: gunzip it"}, older: 3},
		"of two releases, no flg": {files: []string{head + now + "Z_01.00_sci.fits", head + now + "Z_01.00_rms.fits", head + now + "Z_02.00_flg.fits"}, why: []string{"there is no _sci and no _rms"}},
	} {
		t.Run(what, func(t *testing.T) {
			m := objstore.NewMemory()
			fill(t, m, visBase, "EUC_VIS_SWL-DET-000001-00-1__"+now+"Z.fits")
			fill(t, m, visBase, c.files...)
			o, err := euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
			if err != nil {
				t.Fatal(err)
			}
			var got euclid.Exposure
			for _, e := range o.Exposures {
				if e.Obs == "067070" {
					got = e
				}
			}
			uri := func(base string) string {
				if base == "" {
					return ""
				}
				return visBase + "/" + base
			}
			if diff := cmp.Diff([]string{uri(c.det), uri(c.rms), uri(c.flg)}, []string{got.DET.URI, got.RMS.URI, got.FLG.URI}); diff != "" {
				t.Errorf("files (-want +got)\n%s", diff)
			}
			for _, f := range got.Files() {
				if f.Size != 1 || f.ETag == "" {
					t.Errorf("%+v is not pinned", f)
				}
			}
			if got.Split() != (c.rms != "") || o.Both != c.both || o.Stray != c.stray || len(o.Superseded) != c.older || o.Unknown+o.Near != 0 {
				t.Errorf("both %d, stray %d %q, superseded %q, unknown %q %q", o.Both, o.Stray, o.StrayExamples, o.Superseded, o.UnknownExamples, o.NearExamples)
			}
			said := ""
			for _, m := range o.Incomplete {
				if m.Exposure.Obs == "067070" && m.Product == euclid.DET {
					said = m.String()
				}
			}
			if (c.why == nil) != (said == "") {
				t.Errorf("said %q", said)
			}
			for _, word := range c.why {
				if !strings.Contains(said, word) || !strings.HasPrefix(said, "067070_143_1 lacks DET") {
					t.Errorf("%q doesn't say %q", said, word)
				}
			}
		})
	}
}
