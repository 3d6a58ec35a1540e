package reference_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testsurvey"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/reference"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/simulate"
)

func tiny(t *testing.T) testsurvey.SubTile {
	t.Helper()
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	s.Dithers, s.GridRows, s.GridCols, s.Targets = 2, 1, 1, 1
	return testsurvey.Prepare(t, s, t.TempDir()).SubTiles[0]
}

// encoded is the results' bytes.
func encoded(t *testing.T, sub testsurvey.SubTile, workers int) []byte {
	t.Helper()
	r, err := reference.Run(t.Context(), sub.Dir, sub.Manifest, reference.Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	shear, sources := r.Rows()
	if err := results.Check(sub.Manifest, []results.Shear{shear}, sources); err != nil {
		t.Fatal(err)
	}
	if len(sources) != len(sub.Manifest.Core) {
		t.Errorf("%d sources of %d in the core", len(sources), len(sub.Manifest.Core))
	}
	var b bytes.Buffer
	if err := results.WriteShear(&b, []results.Shear{shear}); err != nil {
		t.Fatal(err)
	}
	if err := results.WriteSources(&b, sources); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSameBytes: results keep the contract and don't depend on how many work at them.
func TestSameBytes(t *testing.T) {
	sub := tiny(t)
	first := encoded(t, sub, 1)
	for _, workers := range []int{1, 2, 7} {
		if !bytes.Equal(first, encoded(t, sub, workers)) {
			t.Errorf("%d workers give other results than one", workers)
		}
	}
}

func TestStops(t *testing.T) {
	sub := tiny(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reference.Run(ctx, sub.Dir, sub.Manifest, reference.Options{}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("%v is %v", err, fault.KindOf(err))
	}
}

// TestRefuses: what can't be measured is bad data, and says which file.
func TestRefuses(t *testing.T) {
	sub := tiny(t)
	q := sub.Manifest.Quadrants[0]
	for name, c := range map[string]struct {
		says  string
		spoil func(t *testing.T)
	}{
		"no such file": {filepath.Base(q.BKG), func(t *testing.T) { os.Remove(filepath.Join(sub.Dir, q.BKG)) }},
		"cut short": {filepath.Base(q.SCI), func(t *testing.T) {
			pixelsOf(t, sub.Dir, q.SCI, func(file []byte) []byte { return file[:len(file)/2] })
		}},
		"no such extension": {q.Quadrant, func(t *testing.T) {
			pixelsOf(t, sub.Dir, q.PSF, func(file []byte) []byte {
				return bytes.Replace(file, []byte("'"+q.Quadrant), []byte("'9-9.X"), 1)
			})
		}},
		"a PSF that is not finite": {"not finite", func(t *testing.T) {
			pixels(t, sub.Dir, filepath.Base(q.PSF), func(file []byte, hdus []*fits.HDU) {
				for _, h := range hdus {
					copy(data(file, h), []byte{0x7f, 0xc0, 0, 0})
				}
			})
		}},
		"no zero point": {"MAGZEROP", func(t *testing.T) {
			pixelsOf(t, sub.Dir, q.SCI, func(file []byte) []byte { return bytes.ReplaceAll(file, []byte("MAGZEROP"), []byte("MAGZEROQ")) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			defer restore(t, sub.Dir)()
			c.spoil(t)
			_, err := reference.Run(t.Context(), sub.Dir, sub.Manifest, reference.Options{})
			if fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v is %v", err, fault.KindOf(err))
			}
		})
	}
}

// pixelsOf changes a file of a sub-tile.
func pixelsOf(t *testing.T, dir, name string, change func(file []byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	file, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = os.WriteFile(path, change(file), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
