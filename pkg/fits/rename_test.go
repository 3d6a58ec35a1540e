package fits_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fits"
)

// A renamed HDU has the name, its comment, its other cards and its data; its
// CHECKSUM is right where it was, and wrong where it was wrong.
func TestRename(t *testing.T) {
	data := fits.AppendFloat32(nil, make([]float32, 12*10))
	for i := range data {
		data[i] = byte(i * 7)
	}
	sum, err := fits.DataSum(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	encode := func(name string, signed bool) []byte {
		h := fits.NewImage(-32, 12, 10).SetText("EXTNAME", name, "of the quadrant").SetFloat("EXPTIME", 560.52, "")
		if signed {
			h.Sign(sum)
		}
		var b bytes.Buffer
		if err := fits.WriteHDU(&b, h, bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, signed := range []bool{false, true} {
		for _, name := range []string{"3-4.F.SCI", "1-1.E.FLG", "a name that is much longer than any that it had"} {
			hdu := encode("3-4.F", signed)
			if err := fits.Rename(hdu[:fits.Block], name); err != nil {
				t.Fatal(err)
			}
			if want := encode(name, signed); !bytes.Equal(hdu, want) {
				t.Errorf("%s, signed %v: not what is written with that name:\n%q\n%q", name, signed, hdu[:10*80], want[:10*80])
			}
			h, err := fits.ParseHDU(hdu, 1, 0)
			if err != nil || h.Name != name {
				t.Fatalf("%v, %v", h, err)
			}
			if checked, err := fits.Verify(h, bytes.NewReader(hdu)); checked != signed || err != nil {
				t.Errorf("%s: checked %v, %v", name, checked, err)
			}
			spoilt := encode("3-4.F", signed)
			spoilt[fits.Block] ^= 1
			if err := fits.Rename(spoilt[:fits.Block], name); err != nil {
				t.Fatal(err)
			}
			if _, err := fits.Verify(h, bytes.NewReader(spoilt)); signed && err == nil {
				t.Error("renaming made a wrong checksum right")
			}
		}
	}
	if err := fits.Rename(encode("3-4.F", false)[:3*80], "x"); err == nil || !strings.Contains(err.Error(), "EXTNAME") {
		t.Errorf("without EXTNAME: %v", err)
	}
	moved := bytes.Replace(encode("3-4.F", true), []byte("CHECKSUM= '"), []byte("CHECKSUM=  "), 1)
	if err := fits.Rename(moved[:fits.Block], "x"); err == nil || !strings.Contains(err.Error(), "CHECKSUM") {
		t.Errorf("CHECKSUM elsewhere: %v", err)
	}
}
