package e2e

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cosmostat/constellation/pkg/fits"
)

// Files of the tiny survey, below q1.
const (
	anyDET     = "VIS/2682/EUC_VIS_SWL-DET-*.fits"
	anyBKG     = "VIS/2682/EUC_VIS_SWL-BKG-*.fits"
	anyCatalog = "catalogs/MER_FINAL_CATALOG/102018212/EUC_MER_FINAL-CAT_*.fits"
	anyMosaic  = "MER/102018212/VIS/*.fits"
)

// truncate cuts a file to a part of its length.
func truncate(pattern string, part float64) func(*testing.T, string) {
	return func(t *testing.T, q1 string) {
		path := only(t, q1, pattern)
		data := read(t, path)
		write(t, path, data[:int(part*float64(len(data)))])
	}
}

// card replaces a keyword's card in the first HDU that has it, or that a name
// is given for. An empty card takes the keyword away.
func card(pattern, hdu, key, card string) func(*testing.T, string) {
	return func(t *testing.T, q1 string) {
		path := only(t, q1, pattern)
		data := read(t, path)
		index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range index {
			header := data[h.Offset:h.DataOffset()]
			for at := 0; at < len(header); at += 80 {
				if (hdu == "" || h.Name == hdu) && bytes.HasPrefix(header[at:], fmt.Appendf(nil, "%-8s=", key)) {
					copy(header[at:at+80], fmt.Sprintf("%-80s", card))
					write(t, path, data)
					return
				}
			}
		}
		t.Fatalf("%s has no %s", path, key)
	}
}

// remove deletes the files that a pattern matches.
func remove(pattern string) func(*testing.T, string) {
	return func(t *testing.T, q1 string) {
		found, err := filepath.Glob(filepath.Join(q1, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no file matches %s (%v)", pattern, err)
		}
		for _, path := range found {
			removeAll(t, path)
		}
	}
}
