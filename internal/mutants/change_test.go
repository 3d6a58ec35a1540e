package mutants

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Files of the survey, by what their names hold. The DET of 2682 has one delivery,
// that of 2681 two.
const (
	detFile     = "DET-002682-00-1"
	bkgFile     = "BKG-002682-00-1"
	wgtFile     = "WGT-002681-00-1"
	psfFile     = "VIS/2682/EUC_VIS_GRD-PSF"
	westCatalog = "FINAL-CAT_TILE102018211"
	eastCatalog = "FINAL-CAT_TILE102018212"
	westMosaic  = "BGSUB-MOSAIC-VIS_TILE102018211"
	eastMosaic  = "BGSUB-MOSAIC-VIS_TILE102018212"
)

// all makes several changes.
func all(changes ...change) change {
	return func(t *testing.T, k *kept) {
		for _, c := range changes {
			c(t, k)
		}
	}
}

// nothing changes nothing.
func nothing(*testing.T, *kept) {}

// edit gives a file other bytes.
func edit(file string, how func(t *testing.T, data []byte) []byte) change {
	return func(t *testing.T, k *kept) {
		put(t, k, k.Find("euclid", file), how(t, get(t, k, k.Find("euclid", file))))
	}
}

func get(t *testing.T, k *kept, uri string) []byte {
	t.Helper()
	data, err := objstore.ReadFile(t.Context(), k.Memory, uri)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, k *kept, uri string, data []byte) {
	t.Helper()
	if _, err := objstore.WriteFile(t.Context(), k.Memory, uri, data); err != nil {
		t.Fatal(err)
	}
}

// remove takes a file away.
func remove(file string) change {
	return func(_ *testing.T, k *kept) { k.Remove(k.Find("euclid", file)) }
}

// rename gives a file another name; copyTo leaves the file beside it.
func rename(file, from, to string) change {
	return func(t *testing.T, k *kept) {
		uri := k.Find("euclid", file) // both are found by it once they are two
		copyTo(file, from, to)(t, k)
		k.Remove(uri)
	}
}

func copyTo(file, from, to string) change {
	return func(t *testing.T, k *kept) {
		uri := k.Find("euclid", file)
		other := strings.Replace(uri, from, to, 1)
		if other == uri {
			t.Fatalf("%s has no %q", uri, from)
		}
		put(t, k, other, get(t, k, uri))
	}
}

// place puts a new file into the survey.
func place(name string, data []byte) change {
	return func(t *testing.T, k *kept) { put(t, k, "mem://euclid/q1/"+name, data) }
}

// cut keeps a part of a file.
func cut(file string, part float64) change {
	return edit(file, func(_ *testing.T, data []byte) []byte { return data[:int(part*float64(len(data)))] })
}

// add appends to a file.
func add(file string, more []byte) change {
	return edit(file, func(_ *testing.T, data []byte) []byte { return append(data, more...) })
}

// zipped compresses a file and gives it the name that says so.
func zipped(file string) change {
	return func(t *testing.T, k *kept) {
		uri := k.Find("euclid", file)
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(get(t, k, uri))
		w.Close()
		k.Remove(uri)
		put(t, k, uri+".gz", z.Bytes())
	}
}

// hdu finds an HDU by name; "" is the primary, "*" the first that has the keyword.
func header(t *testing.T, data []byte, hdu, key string) []byte {
	t.Helper()
	index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range index {
		raw := data[h.Offset:h.DataOffset()]
		if hdu == "*" && cardAt(raw, key) >= 0 || hdu == "" && h.Index == 0 || hdu != "" && hdu != "*" && h.Name == hdu {
			return raw
		}
	}
	t.Fatalf("no HDU %q with %s", hdu, key)
	return nil
}

// cardAt is where a header has a keyword.
func cardAt(header []byte, key string) int {
	for at := 0; at < len(header); at += 80 {
		if strings.TrimRight(string(header[at:at+8]), " ") == key {
			return at
		}
	}
	return -1
}

// card writes a card in the place of a keyword's. An empty one blanks it.
func card(file, hdu, key, card string) change {
	return edit(file, func(t *testing.T, data []byte) []byte {
		raw := header(t, data, hdu, key)
		at := cardAt(raw, key)
		if at < 0 {
			t.Fatalf("HDU %q has no %s", hdu, key)
		}
		copy(raw[at:at+80], padded(card))
		return data
	})
}

// insert writes a card into the first blank place of a header, or over its last
// HISTORY or COMMENT.
func insert(file, hdu, card string) change {
	return edit(file, func(t *testing.T, data []byte) []byte {
		raw := header(t, data, hdu, strings.TrimSpace(card[:min(8, len(card))]))
		end := cardAt(raw, "END")
		switch {
		case end+160 <= len(raw):
			copy(raw[end+80:], raw[end:end+80])
			copy(raw[end:], padded(card))
		default:
			for _, key := range []string{"", "HISTORY", "COMMENT"} {
				if at := cardAt(raw, key); at >= 0 {
					copy(raw[at:at+80], padded(card))
					return data
				}
			}
			t.Fatalf("no room in HDU %q", hdu)
		}
		return data
	})
}

// padded is a card of 80 bytes, whatever letters it has.
func padded(card string) string { return (card + strings.Repeat(" ", 80))[:80] }

// cell writes a value into a row of a catalogue's column (int64 or float64).
func cell(file, column string, row int, value any) change {
	return edit(file, func(t *testing.T, data []byte) []byte {
		index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		table, err := fits.ParseTable(index[1])
		if err != nil {
			t.Fatal(err)
		}
		c, ok := table.Column(column)
		if !ok {
			t.Fatalf("no column %s", column)
		}
		at := data[index[1].DataOffset()+int64(row)*table.RowSize+c.Offset:]
		switch v := value.(type) {
		case int64:
			binary.BigEndian.PutUint64(at, uint64(v))
		case float64:
			binary.BigEndian.PutUint64(at, math.Float64bits(v))
		default:
			t.Fatalf("a cell of %T", v)
		}
		return data
	})
}
