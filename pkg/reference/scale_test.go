package reference_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/reference"
)

// rescale stores pixels otherwise and says so: what they stand for is the same.
func rescale(t *testing.T, dir, pattern string, only string, stored func(v float32) float32, cards func(h *fits.Header)) {
	t.Helper()
	pixels(t, dir, pattern, func(file []byte, hdus []*fits.HDU) {
		for _, h := range hdus {
			if !strings.HasSuffix(h.Name, only) {
				continue
			}
			pix := data(file, h)
			for ; stored != nil && len(pix) >= 4; pix = pix[4:] {
				binary.BigEndian.PutUint32(pix, math.Float32bits(stored(math.Float32frombits(binary.BigEndian.Uint32(pix)))))
			}
			cards(h.Header)
			raw := h.Header.Encode()
			if int64(len(raw)) != h.HeaderSize {
				t.Fatalf("the header of %s is %d bytes now, was %d", h, len(raw), h.HeaderSize)
			}
			copy(file[h.Offset:], raw)
		}
	})
}

// BSCALE and BZERO count, as they do for astropy and so for SHINE.
func TestScaledPixels(t *testing.T) {
	sub := tiny(t)
	want := encoded(t, sub, 2)
	for name, c := range map[string]struct{ file, only string }{
		"SCI": {"*_sci.fits", ".SCI"}, "RMS": {"*_sci.fits", ".RMS"}, "BKG": {"*_bkg.fits", ""}, "PSF": {"*_psf.fits", ""},
	} {
		t.Run(name, func(t *testing.T) {
			defer restore(t, sub.Dir)()
			rescale(t, sub.Dir, c.file, c.only, func(v float32) float32 { return v / 4 }, func(h *fits.Header) { h.SetFloat("BSCALE", 4, "") })
			if !bytes.Equal(want, encoded(t, sub, 2)) {
				t.Error("BSCALE changes what is measured")
			}
		})
		t.Run(name+", unheeded", func(t *testing.T) {
			defer restore(t, sub.Dir)()
			rescale(t, sub.Dir, c.file, c.only, nil, func(h *fits.Header) { h.SetFloat("BZERO", 3, "") })
			if bytes.Equal(want, encoded(t, sub, 2)) {
				t.Error("BZERO changes nothing")
			}
		})
	}
	for name, c := range map[string]struct {
		only  string
		cards func(h *fits.Header)
		says  string
	}{
		"BSCALE 0":     {".SCI", func(h *fits.Header) { h.SetFloat("BSCALE", 0, "") }, "BSCALE is 0"},
		"BZERO a word": {".SCI", func(h *fits.Header) { h.SetText("BZERO", "none", "") }, "BZERO"},
		"scaled flags": {".FLG", func(h *fits.Header) { h.SetFloat("BZERO", 1<<31, "") }, "bits can't be scaled"},
		"BLANK flags":  {".FLG", func(h *fits.Header) { h.SetInt("BLANK", -1, "") }, "BLANK"},
	} {
		t.Run(name, func(t *testing.T) {
			defer restore(t, sub.Dir)()
			rescale(t, sub.Dir, "*_sci.fits", c.only, nil, c.cards)
			_, err := reference.Run(t.Context(), sub.Dir, sub.Manifest, reference.Options{})
			if fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "HDU") || !strings.Contains(err.Error(), "_sci.fits") {
				t.Errorf("%v is %v", err, fault.KindOf(err))
			}
		})
	}
	defer restore(t, sub.Dir)()
	rescale(t, sub.Dir, "*_sci.fits", ".FLG", nil, func(h *fits.Header) { h.SetFloat("BSCALE", 1, "").SetFloat("BZERO", 0, "") })
	if !bytes.Equal(want, encoded(t, sub, 2)) {
		t.Error("a scale that changes nothing does")
	}
}
