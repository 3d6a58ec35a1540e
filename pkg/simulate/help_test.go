package simulate

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// preset is a preset that the test may change.
func preset(t testing.TB, name string) Survey {
	t.Helper()
	s, err := Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written runs a survey into a directory.
func written(t testing.TB, s Survey) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := Run(t.Context(), objstore.Open(t.Context(), objstore.Config{}), dir, s, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// one returns the one file that a pattern below dir matches.
func one(t testing.TB, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s matches %q, want one file", pattern, found)
	}
	return found[0]
}

// index reads a file and where its HDUs are, by name.
func index(t testing.TB, path string) (raw []byte, hdus []*fits.HDU, byName map[string]*fits.HDU) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	hdus, err = fits.ReadIndex(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	byName = map[string]*fits.HDU{}
	for _, h := range hdus[1:] {
		if byName[h.Name] != nil {
			t.Errorf("%s has %s twice", filepath.Base(path), h.Name)
		}
		byName[h.Name] = h
	}
	return raw, hdus, byName
}

// floats are the pixels of an image of BITPIX -32.
func floats(raw []byte, h *fits.HDU) []float32 {
	v := make([]float32, h.DataSize/4)
	fits.DecodeFloat32(raw[h.DataOffset():h.DataOffset()+h.DataSize], v)
	return v
}

// ints are the pixels of an image of BITPIX 32.
func ints(raw []byte, h *fits.HDU) []int32 {
	v := make([]int32, h.DataSize/4)
	fits.DecodeInt32(raw[h.DataOffset():h.DataOffset()+h.DataSize], v)
	return v
}

// places are fields where coordinates are awkward.
var places = map[string]sky.Coord{
	"EDFS":       {RA: 57.9990741, Dec: -51.5},
	"RA 0":       {RA: 359.995, Dec: 30},
	"north pole": {RA: 120, Dec: 89.999},
	"south pole": {RA: 0, Dec: -90},
}
