package extract

import (
	"bytes"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// However the source files end, the products are the same, and whole.
func TestEndsOfSources(t *testing.T) {
	unfilled := func(raw []byte) []byte {
		all, err := fits.ReadIndex(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		last := all[len(all)-1]
		return raw[:last.DataOffset()+last.DataSize]
	}
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	if _, err := Tile(t.Context(), v.job(v.base+"/out")); err != nil {
		t.Fatal(err)
	}
	want := v.listing(v.base + "/out")
	for name, change := range map[string]func([]byte) []byte{
		"a block of zeros": func(raw []byte) []byte { return append(bytes.Clone(raw), make([]byte, fits.Block)...) },
		"a few zeros":      func(raw []byte) []byte { return append(bytes.Clone(raw), make([]byte, 100)...) },
		"unfilled":         unfilled,
	} {
		t.Run(name, func(t *testing.T) {
			v := usual(t, objstore.NewMemory(), "mem://bucket")
			done := map[string]euclid.File{} // exposures share their PSF file
			for i := range v.exposures {
				e := &v.exposures[i]
				for _, f := range []*euclid.File{&e.DET, &e.BKG, &e.WGT, &e.PSF} {
					if _, ok := done[f.URI]; !ok {
						path, err := objstore.Rel(v.base, f.URI)
						if err != nil {
							t.Fatal(err)
						}
						raw := v.read(f.URI)
						changed := change(raw)
						if len(changed) == len(raw) {
							t.Fatal("no change")
						}
						done[f.URI] = v.write(path, changed)
					}
					*f = done[f.URI]
				}
			}
			if _, err := Tile(t.Context(), v.job(v.base+"/out")); err != nil {
				t.Fatal(err)
			}
			same(t, want, v.listing(v.base+"/out"), "provenance.json")
		})
	}
}
