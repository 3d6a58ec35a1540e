package mutants

import (
	"bytes"
	"testing"

	"github.com/cosmostat/constellation/pkg/fits"
)

// everywhere puts a card last into every header of a file that has room.
func everywhere(file, card string) change {
	return edit(file, func(t *testing.T, data []byte) []byte {
		index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range index[1:] {
			raw := data[h.Offset:h.DataOffset()]
			if end := cardAt(raw, "END"); end+160 <= len(raw) {
				copy(raw[end+80:], raw[end:end+80])
				copy(raw[end:], padded(card))
			}
		}
		return data
	})
}

// emptied takes the pixels of an HDU away.
func emptied(file, hdu string) change {
	return edit(file, func(t *testing.T, data []byte) []byte {
		index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range index {
			if h.Name == hdu {
				raw := data[h.Offset:h.DataOffset()]
				copy(raw[cardAt(raw, "NAXIS"):], padded("NAXIS   =                    0"))
				copy(raw[cardAt(raw, "NAXIS1"):], padded(""))
				copy(raw[cardAt(raw, "NAXIS2"):], padded(""))
				return append(bytes.Clone(data[:h.DataOffset()]), data[h.End():]...)
			}
		}
		t.Fatalf("no HDU %s", hdu)
		return nil
	})
}

// TestHeaders changes what headers say, and how files end.
func TestHeaders(t *testing.T) {
	const sci, table = "1-1.F.SCI", "EUC_MER__FINAL-CAT"
	run(t, join(
		// Which card counts.
		atFault("CRPIX2 twice, and they differ", insert(detFile, sci, "CRPIX2  =                  1.0"), sci, "CRPIX2", "card"),
		atFault("CTYPE1 twice, and they differ", insert(detFile, sci, "CTYPE1  = 'RA---TAN'"), sci, "CTYPE1"),
		atFault("EXTNAME twice, and they differ", insert(detFile, sci, "EXTNAME = '1-1.G.SCI'"), "EXTNAME", "HDU 4"),
		atFault("EXPTIME twice, and they differ", insert(detFile, sci, "EXPTIME = 89.5"), sci, "EXPTIME"),
		atFault("NAXIS2 twice, and they differ", insert(detFile, sci, "NAXIS2  = 7"), "HDU 4", "NAXIS2"),
		atFault("CRVAL1 in lower case, too", insert(detFile, sci, "crval1  = 12.0"), sci, "CRVAL1", "form of FITS"),
		atFault("CRVAL1 without a blank, too", insert(detFile, sci, "CRVAL1  =12.0"), sci, "CRVAL1", "form of FITS"),
		atFault("a term of distortion in lower case", insert(detFile, sci, "pv1_3   = 0.1"), sci, "PV1_3"),
		one("EXPTIME twice, written otherwise", insert(detFile, sci, "EXPTIME = 5.6052E2 / again"), right()),
		one("HISTORY with a value indicator, twice", all(insert(detFile, sci, "HISTORY = 1"), insert(detFile, sci, "HISTORY = 2")), right()),
		one("letters of all kinds everywhere", everywhere(detFile, "OBSERVER= 'Andr\xe9' / \xfc\x01"), right()),
		one("a blank keyword with a value everywhere", everywhere(detFile, "        = 'nothing'"), right()),

		// Frames.
		atFault("EPOCH 1950, and no frame", all(card(detFile, sci, "RADESYS", ""), insert(detFile, sci, "EPOCH   = 1950.0")), sci, "EPOCH"),
		one("EPOCH 2000, and no frame", all(card(detFile, sci, "RADESYS", ""), insert(detFile, sci, "EPOCH   = 2000.0")), right()),
		one("EPOCH of the observation beside ICRS", insert(detFile, sci, "EPOCH   = 2024.8"), right()),

		// Ends of files.
		one("a few zeros behind a DET", add(detFile, make([]byte, 100)), right()),
		one("zeros behind a PSF", add(psfFile, make([]byte, 2880)), right()),
		one("the last block of a DET isn't filled", edit(detFile, unfilled), right()),
		one("the last block of a BKG isn't filled", edit(bkgFile, unfilled), right()),
		one("the last block of a catalogue isn't filled", edit(westCatalog, unfilled), right()),
		atFault("the last HDU of a DET is zeros", edit(detFile, func(t *testing.T, data []byte) []byte {
			index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			clear(data[index[len(index)-1].Offset:])
			return data
		}), "DET", "HDU 48"),

		// Quadrants without pixels.
		one("an SCI without pixels", emptied(detFile, sci), rightWithout(t, "002682_00_1 1-1.F", `1-1\.F\.SCI`, "no pixels")),
		one("an RMS without pixels", emptied(detFile, "1-2.E.RMS"), rightWithout(t, "002682_00_1 1-2.E", `1-2\.E\.RMS`, "no pixels")),

		// Catalogues and mosaics.
		one("NAXIS2 is one less", card(westCatalog, table, "NAXIS2", "NAXIS2  =                   18"), refused(westCatalog, "NAXIS2|rows")),
		one("a declination in radians", card(westCatalog, table, "TUNIT3", "TUNIT3  = 'rad     '"), refused(westCatalog, "TUNIT3", "rad")),
		one("two columns of one name in both", all(card(westCatalog, table, "TTYPE20", "TTYPE20 = 'TWICE'"), card(westCatalog, table, "TTYPE21", "TTYPE21 = 'TWICE'"),
			card(eastCatalog, table, "TTYPE20", "TTYPE20 = 'TWICE'"), card(eastCatalog, table, "TTYPE21", "TTYPE21 = 'TWICE'")), passing(38)),
		one("RIGHT_ASCENSION twice", card(westCatalog, table, "TTYPE20", "TTYPE20 = 'RIGHT_ASCENSION'"), refused(westCatalog, "RIGHT_ASCENSION")),
		one("a mosaic of two frames", insert(westMosaic, "", "RADECSYS= 'FK4     '"), refused(westMosaic, "RADECSYS")),
		one("a mosaic with CRVAL1 in lower case, too", insert(westMosaic, "", "crval1  = 57.5"), refused(westMosaic, "CRVAL1", "tile_table")),

		// Checksums. 1-2.E lies over both tiles.
		one("a checksum that is wrong, with a warning", card(bkgFile, "1-2.E", "BUNIT", "CHECKSUM= 'AAAAAAAAAAAAAAAA'"), refused(bkgFile, "1-2.E", "CHECKSUM", "data.verify: warn")),
		[]mutant{{name: "a checksum that is wrong, and used", change: card(bkgFile, "1-2.E", "BUNIT", "CHECKSUM= 'AAAAAAAAAAAAAAAA'"),
			config: "data: {verify: warn}", want: rightSaying(nil, bkgFile, "1-2.E", "CHECKSUM")}},
		[]mutant{{name: "a checksum that is wrong, and left out", change: card(bkgFile, "1-2.E", "BUNIT", "CHECKSUM= 'AAAAAAAAAAAAAAAA'"),
			config: "data: {max_missing: 1}", want: leftOut(theExposure, "1-2.E", "CHECKSUM")}},
	))
}

// passing: the run passes with so many sources. It is for files that the
// independent reader doesn't read: astropy needs names of all columns.
func passing(sources int) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		if !e.ok() || int(e.verdict.Sources) != sources {
			t.Fatalf("it does not pass with %d sources: %v\n%s", sources, e.err, e.said)
		}
	}
}

// unfilled takes the padding of a file's last HDU away.
func unfilled(t *testing.T, data []byte) []byte {
	index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	last := index[len(index)-1]
	return data[:last.DataOffset()+last.DataSize]
}

// rightWithout: the run passes, no sub-tile has the quadrant, and that is said.
func rightWithout(_ *testing.T, quadrant string, patterns ...string) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		if !e.ok() {
			t.Fatalf("it does not pass: %v\n%s", e.err, e.said)
		}
		n := 0
		for _, tile := range e.products(t) {
			for _, sub := range tile.SubTiles {
				for _, q := range sub.Quadrants {
					if n++; q == quadrant {
						t.Errorf("%s is used", quadrant)
					}
				}
			}
		}
		if n == 0 {
			t.Error("no quadrants at all")
		}
		e.says(t, patterns)
	}
}
