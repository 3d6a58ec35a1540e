package euclid_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

const visBase = "mem://q1/VIS"

// fill puts empty objects with the given keys below a base.
func fill(t *testing.T, w objstore.Writer, base string, keys ...string) {
	for _, k := range keys {
		put(t, w, objstore.Join(base, k), []byte("x"))
	}
}

func ids(es []euclid.Exposure) []string {
	var s []string
	for _, e := range es {
		s = append(s, e.String())
	}
	return s
}

func TestIndexExposures(t *testing.T) {
	m := objstore.NewMemory()
	older, newer := "20241017T042839.7", "20241017T042839.727728"
	for dither := range 2 {
		for _, product := range []string{"DET", "BKG", "WGT"} {
			fill(t, m, visBase, "2704/"+visName(product, "002704", dither, 1, stamp))
		}
	}
	fill(t, m, visBase,
		"2704/"+visName("PSF", "", 0, 0, "20240322T192915.424564"),
		"2704/"+visName("PSF", "", 0, 0, "20240101T000000.000000"),
		"2704/"+visName("DET", "002704", 0, 2, stamp), // short, and complete but for BKG and WGT
		"2681/"+visName("DET", "002681", 0, 1, older),
		"2681/"+visName("DET", "002681", 0, 1, newer),
		"2681/"+visName("BKG", "002681", 0, 1, stamp),
		"2681/"+visName("WGT", "002681", 1, 1, stamp), // its DET is missing
		"2681/README.md",
		"2681/"+visName("DET", "002681", 0, 3, stamp),
		"2681/EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits",
	)
	// Not below the base, though its name starts like it.
	fill(t, m, "mem://q1/VIS-old", "2681/"+visName("DET", "009999", 0, 1, stamp))

	o, err := euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"002681_00_1", "002704_00_1", "002704_01_1"}, ids(o.Exposures)); diff != "" {
		t.Errorf("exposures (-want +got)\n%s", diff)
	}
	first := o.Exposures[0]
	if _, base := splitURI(first.DET.URI); base != visName("DET", "002681", 0, 1, newer) || first.DET.Size != 1 || first.DET.ETag == "" {
		t.Errorf("DET is %+v", first.DET)
	}
	if first.PSF.Exists() || first.WGT.Exists() || !o.Exposures[1].PSF.Exists() || o.Exposures[1].PSF != o.Exposures[2].PSF {
		t.Error("PSF or WGT went to another directory's exposure")
	}
	if diff := cmp.Diff([]string{
		visBase + "/2681/" + visName("DET", "002681", 0, 1, older),
		visBase + "/2704/" + visName("PSF", "", 0, 0, "20240101T000000.000000"),
	}, o.Superseded); diff != "" {
		t.Errorf("superseded (-want +got)\n%s", diff)
	}
	id := func(dither string) euclid.ExposureID {
		return euclid.ExposureID{Obs: "002681", Dither: dither, Number: "1"}
	}
	if diff := cmp.Diff([]euclid.Missing{
		{Exposure: id("00"), Product: "WGT"}, {Exposure: id("00"), Product: "PSF", There: "there is none beside its DET, in " + visBase + "/2681/"}, {Exposure: id("01"), Product: "DET"},
		{Exposure: euclid.ExposureID{Obs: "067070", Dither: "00", Number: "1"}, Product: "DET",
			There: `beside "EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits" there is no _rms and no _flg of the same time: ` +
				"deliver the three files of one time, or the combined one"},
	}, o.Incomplete); diff != "" {
		t.Errorf("incomplete (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"README.md",
	}, o.UnknownExamples); diff != "" || o.Unknown != 1 {
		t.Errorf("unknown %d (-want +got)\n%s", o.Unknown, diff)
	}
	if diff := cmp.Diff([]string{`"` + visName("DET", "002681", 0, 3, stamp) + `": its exposure number is "3", not 1 (nominal) or 2 (short)`}, o.NearExamples); diff != "" || o.Near != 1 {
		t.Errorf("near %d (-want +got)\n%s", o.Near, diff)
	}
	if o.SkippedShort != 1 || o.SkippedNominal != 0 {
		t.Errorf("skipped %d short, %d nominal", o.SkippedShort, o.SkippedNominal)
	}

	short, err := euclid.IndexExposures(t.Context(), m, visBase+"/", settings.Short)
	if err != nil || len(short.Exposures) != 1 || short.SkippedNominal != 5 || short.SkippedShort != 0 {
		t.Errorf("short: %+v, %v", short, err)
	}
	all, err := euclid.IndexExposures(t.Context(), m, visBase, settings.AllExposures)
	if err != nil || len(all.Exposures) != 4 {
		t.Errorf("all: %+v, %v", all, err)
	}
}

func splitURI(uri string) (string, string) {
	base := objstore.Base(uri)
	return uri[:len(uri)-len(base)], base
}

func TestIndexExposuresFindsNothing(t *testing.T) {
	m := objstore.NewMemory()
	_, err := euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
	wantFault(t, err, fault.BadInput, "NoObservations", visBase, "vis_base_uri")
	fill(t, m, visBase, "a/readme.txt")
	_, err = euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
	wantFault(t, err, fault.BadInput, "NoObservations", "among 1 files", "readme.txt")
	fill(t, m, visBase, "a/"+visName("DET", "002704", 0, 2, stamp))
	_, err = euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
	wantFault(t, err, fault.BadInput, "NoObservations", "no nominal", "data.exposures")
	_, err = euclid.IndexExposures(t.Context(), m, visBase, "both")
	wantFault(t, err, fault.BadInput, "ConfigInvalid", "nominal, short or all")
}

// Directories say nothing about DET, BKG and WGT. A PSF is of the exposures beside
// it, and where its name has an observation that is listed, of that one's alone.
func TestIndexExposuresFlat(t *testing.T) {
	name := func(product, obs string, dither int) string {
		return fmt.Sprintf("EUC_VIS_SWL-%s-%s-%02d-1__%sZ.fits", product, obs, dither, stamp)
	}
	psf := func(of, time string) string { return "EUC_VIS_GRD-PSF-000-" + of + "-0000000__" + time + "Z.fits" }
	const older, newer = "20240101T000000.0", "20240322T000000.0"
	for what, c := range map[string]struct {
		psfs []string
		want map[string]string // by observation
		none string
	}{
		"one for all":             {[]string{psf("000000", older)}, map[string]string{"067070": psf("000000", older), "067071": psf("000000", older)}, ""},
		"the newest":              {[]string{psf("000000", newer), psf("000000", older)}, map[string]string{"067070": psf("000000", newer), "067071": psf("000000", newer)}, ""},
		"of an observation":       {[]string{psf("000000", newer), psf("067071", older)}, map[string]string{"067070": psf("000000", newer), "067071": psf("067071", older)}, ""},
		"of one observation only": {[]string{psf("067071", older)}, map[string]string{"067070": "", "067071": psf("067071", older)}, "there is none beside its DET"},
		"of no observation":       {[]string{psf("000001", older)}, map[string]string{"067070": psf("000001", older), "067071": psf("000001", older)}, ""},
		"none that is whole":      {[]string{psf("000000", older) + ".part"}, map[string]string{"067070": "", "067071": ""}, "no whole file by its name"},
	} {
		t.Run(what, func(t *testing.T) {
			m := objstore.NewMemory()
			for _, obs := range []string{"067070", "067071"} {
				for _, dither := range []int{9, 99, 100, 143} {
					for _, product := range []string{"DET", "BKG", "WGT"} {
						fill(t, m, visBase, name(product, obs, dither))
					}
				}
			}
			fill(t, m, visBase, c.psfs...)
			o, err := euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"067070_09_1", "067070_99_1", "067070_100_1", "067070_143_1"}, ids(o.Exposures)[:4]); diff != "" || len(o.Exposures) != 8 {
				t.Errorf("exposures (-want +got)\n%s", diff)
			}
			for _, e := range o.Exposures {
				if want := c.want[e.Obs]; want == "" && e.PSF.Exists() || want != "" && e.PSF.URI != visBase+"/"+want {
					t.Errorf("%s has %q, want %q", e.ExposureID, e.PSF.URI, want)
				}
				if !e.BKG.Exists() || !e.WGT.Exists() {
					t.Errorf("%s lacks files", e.ExposureID)
				}
			}
			for _, m := range o.Incomplete {
				if c.none == "" || !strings.Contains(m.There, c.none) {
					t.Error(m)
				}
			}
		})
	}
}

// Of two releases of VIS the newer counts, whatever their times.
func TestIndexExposuresReleases(t *testing.T) {
	m := objstore.NewMemory()
	det := func(time, release string) string {
		return "EUC_VIS_SWL-DET-002681-00-1__" + time + "Z" + release + ".fits"
	}
	fill(t, m, visBase, det("20241017T000000", "_02.00"), det("20251017T000000", "_01.00"), det("20261017T000000", ""))
	o, err := euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
	if err != nil || len(o.Exposures) != 1 || !strings.HasSuffix(o.Exposures[0].DET.URI, "_02.00.fits") || len(o.Superseded) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}
