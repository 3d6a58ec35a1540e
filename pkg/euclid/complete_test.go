package euclid_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// byName lists names alone, as web servers do, and says what it was asked for.
type byName struct {
	*objstore.Memory
	mu    sync.Mutex
	asked []string
	gone  string // part of the name of files that are listed and aren't there
	code  string // why
}

func (b *byName) ListNames(ctx context.Context, prefix string, visit func(objstore.Info) error) error {
	return b.Memory.List(ctx, prefix, func(i objstore.Info) error { return visit(objstore.Info{URI: i.URI}) })
}

func (b *byName) List(context.Context, string, func(objstore.Info) error) error {
	return fault.New(fault.Bug, "Listed", "all sizes were asked for")
}

func (b *byName) Stat(ctx context.Context, uri string) (objstore.Info, error) {
	b.mu.Lock()
	b.asked = append(b.asked, objstore.Base(uri))
	b.mu.Unlock()
	if b.gone != "" && strings.Contains(uri, b.gone) {
		return objstore.Info{}, fault.Input(b.code, "it is not for you").On(uri)
	}
	return b.Memory.Stat(ctx, uri)
}

// TestByName: what a listing has by name alone is asked for where it counts, each
// file once; what isn't there after all is lacking.
func TestByName(t *testing.T) {
	const stamp = "__20250621T020155.487037Z"
	m := objstore.NewMemory()
	for _, name := range []string{
		"EUC_VIS_SWL-DET-067070-00-1" + stamp + ".fits", "EUC_VIS_SWL-BKG-067070-00-1" + stamp + ".fits", "EUC_VIS_SWL-WGT-067070-00-1" + stamp + ".fits",
		"EUC_VIS_SWL-DET-067070-01-1" + stamp + "_sci.fits", "EUC_VIS_SWL-DET-067070-01-1" + stamp + "_rms.fits", "EUC_VIS_SWL-DET-067070-01-1" + stamp + "_flg.fits",
		"EUC_VIS_SWL-BKG-067070-01-1" + stamp + ".fits", "EUC_VIS_SWL-WGT-067070-01-1" + stamp + ".fits",
		"EUC_VIS_SWL-BKG-067070-01-1__20240621T020155.487037Z.fits", // superseded
		"EUC_VIS_SWL-DET-067070-00-2" + stamp + ".fits",             // short
		"EUC_VIS_GRD-PSF-000-000000-0000000__20240322T192915.424564Z.fits",
		"README.txt", "EUC_VIS_SWL-DET-067070-02-1" + stamp + ".fits.part",
	} {
		if _, err := objstore.WriteFile(t.Context(), m, "mem://q2/data/"+name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := euclid.IndexExposures(t.Context(), m, "mem://q2/data", settings.Nominal)
	if err != nil {
		t.Fatal(err)
	}
	for gone, c := range map[string]struct {
		exposures, incomplete int
		says                  string
	}{
		"":              {2, 1, ""},
		"DET-067070-00": {1, 2, "067070_00_1 lacks DET"},
		"_sci":          {1, 2, "067070_01_1 lacks DET"},
		"_rms":          {1, 2, "067070_01_1 lacks DET"},
		"_flg":          {1, 2, "067070_01_1 lacks DET"},
		"BKG":           {2, 3, "067070_00_1 lacks BKG"},
		"WGT-067070-01": {2, 2, "067070_01_1 lacks WGT"},
		"PSF":           {2, 3, "067070_01_1 lacks PSF"},
	} {
		for _, code := range []string{objstore.NotFound, objstore.AccessDenied} {
			s := &byName{Memory: m, gone: gone, code: code}
			o, err := euclid.IndexExposures(t.Context(), s, "mem://q2/data", settings.Nominal)
			if err != nil {
				t.Fatal(err)
			}
			said := fmt.Sprint(o.Incomplete)
			if len(o.Exposures) != c.exposures || len(o.Incomplete) != c.incomplete || !strings.Contains(said, c.says) || c.says != "" && !strings.Contains(said, "is listed, and can't be had") {
				t.Errorf("without %q (%s): %d exposures, %s", gone, code, len(o.Exposures), said)
			}
			if slices.Sort(s.asked); len(s.asked) != 9 || slices.Contains(s.asked, "README.txt") {
				t.Errorf("asked for %d: %q", len(s.asked), s.asked)
			}
			if gone == "" && !slices.Equal(o.Exposures, want.Exposures) {
				t.Errorf("%+v, want %+v", o.Exposures, want.Exposures)
			}
		}
	}
	s := &byName{Memory: m, gone: "DET", code: objstore.AccessDenied}
	if _, err := euclid.IndexExposures(t.Context(), s, "mem://q2/data", settings.Nominal); fault.CodeOf(err) != "NoObservations" || !strings.Contains(err.Error(), "it is not for you") {
		t.Errorf("nothing can be had: %v", err)
	}
	s = &byName{Memory: m, gone: "BKG", code: objstore.Throttled}
	if _, err := euclid.IndexExposures(t.Context(), s, "mem://q2/data", settings.Nominal); fault.CodeOf(err) != objstore.Throttled {
		t.Errorf("a server that is busy: %v", err)
	}
}
