package mutants

import (
	"bytes"
	"testing"
)

// theExposure is how everything that is left out names the exposure of detFile.
const theExposure = `002682`

// atFault is an exposure that can't be used: without leave the run is refused and
// says why, and with data.max_missing, as it advises, the exposure is left out.
func atFault(name string, c change, patterns ...string) []mutant {
	return []mutant{
		{name: name, change: c, want: refused(append([]string{theExposure}, patterns...)...)},
		{name: name + ", which is allowed", change: c, config: "data: {max_missing: 1}", want: leftOut(theExposure, patterns...)},
	}
}

// one is a mutant that is no exposure left out.
func one(name string, c change, w want) []mutant { return []mutant{{name: name, change: c, want: w}} }

func join(groups ...[]mutant) (all []mutant) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// TestExposures changes the files of VIS.
func TestExposures(t *testing.T) {
	const sci = "1-1.F.SCI"
	zeros := make([]byte, 2880)
	run(t, join(
		one("nothing", nothing, right()),

		// What a file is, and how much of it there is.
		atFault("a DET cut short", cut(detFile, 0.6), "DET", `HDU \d+`, "incomplete"),
		atFault("a DET of nothing", cut(detFile, 0), "DET", "empty"),
		atFault("a page in the place of a DET", edit(detFile, func(*testing.T, []byte) []byte { return []byte("<html>not here</html>") }), "DET", "not a FITS file"),
		atFault("a DET without extensions", edit(detFile, func(t *testing.T, data []byte) []byte { return data[:len(header(t, data, "", ""))] }), "DET"),
		atFault("words behind a DET", add(detFile, bytes.Repeat([]byte("x"), 2880)), "DET"),
		atFault("a gzipped DET", zipped(detFile), "DET", `\.gz`, "gunzip|[Dd]ecompress"),
		atFault("no DET", remove(detFile), "DET"),
		one("a block of zeros behind a DET", add(detFile, zeros), right()),
		one("five blocks of zeros behind a DET", add(detFile, make([]byte, 5*2880)), right()),
		one("a BKG with a block of zeros behind", add(bkgFile, zeros), right()),

		// Cards of the quadrants.
		atFault("no CRVAL1", card(detFile, sci, "CRVAL1", ""), sci, "CRVAL1"),
		atFault("CRVAL1 is text", card(detFile, sci, "CRVAL1", "CRVAL1  = 'east'"), sci, "CRVAL1"),
		atFault("CRVAL1 is NaN", card(detFile, sci, "CRVAL1", "CRVAL1  =                  NaN"), sci, "CRVAL1"),
		atFault("CRVAL2 beyond the pole", card(detFile, sci, "CRVAL2", "CRVAL2  =                 95.0"), sci, "CRVAL2"),
		atFault("a singular CD", all(card(detFile, sci, "CD1_1", "CD1_1   = 0.0"), card(detFile, sci, "CD1_2", "CD1_2   = 0.0")), sci),
		atFault("an unknown projection", card(detFile, sci, "CTYPE1", "CTYPE1  = 'RA---XYZ'"), sci, "CTYPE1|XYZ"),
		atFault("units of the WCS in radians", card(detFile, sci, "CUNIT1", "CUNIT1  = 'rad     '"), sci, "CUNIT1"),
		atFault("FK4", card(detFile, sci, "RADESYS", "RADESYS = 'FK4     '"), sci, "RADESYS|FK4"),
		atFault("CRVAL1 twice, and they differ", insert(detFile, sci, "CRVAL1  =                 12.0"), sci, "CRVAL1"),
		one("CRVAL1 twice, and they agree", edit(detFile, func(t *testing.T, data []byte) []byte {
			raw := header(t, data, sci, "CRVAL1")
			end := cardAt(raw, "END")
			again := bytes.Clone(raw[cardAt(raw, "CRVAL1"):][:80])
			copy(raw[end+80:], raw[end:end+80])
			copy(raw[end:], again)
			return data
		}), right()),
		atFault("CD1_1 twice, and they differ", insert(detFile, sci, "CD1_1   =   -2.7672339710738E-04"), sci, "CD1_1"),
		atFault("NAXIS1 is less", card(detFile, sci, "NAXIS1", "NAXIS1  =                   64"), "DET"),
		atFault("NAXIS1 is negative", card(detFile, sci, "NAXIS1", "NAXIS1  =                 -128"), sci+"|HDU 4", "NAXIS1"),
		atFault("NAXIS1 without end", card(detFile, sci, "NAXIS1", "NAXIS1  =  9223372036854775807"), sci+"|HDU 4", "NAXIS1"),
		atFault("BITPIX is 7", card(detFile, sci, "BITPIX", "BITPIX  =                    7"), sci+"|HDU 4", "BITPIX"),
		atFault("a garbled card", card(detFile, sci, "NAXIS1", "NAXIS1  = \x01\x02\xff garbled"), "HDU 4|"+sci, "NAXIS1"),
		atFault("two quadrants of one name", card(detFile, sci, "EXTNAME", "EXTNAME = '1-1.E.SCI'"), "1-1.E.SCI"),
		one("a card of a blank keyword with a value", insert(detFile, sci, "        = 'nothing'"), right()),
		one("a keyword in lower case", insert(detFile, sci, "observer= 'nobody'"), right()),
		one("a keyword with a point", insert(detFile, sci, "A.B     = 1"), right()),
		one("an accent in a comment", insert(detFile, sci, "OBSERVER= 'nobody' / Andr\xe9"), right()),
		one("an accent in HISTORY", insert(detFile, sci, "HISTORY by Andr\xc3\xa9"), right()),
		one("EQUINOX 2000", insert(detFile, sci, "EQUINOX =               2000.0"), right()),
		one("keywords that nobody reads, twice", all(insert(detFile, sci, "GAIN    = 1.0"), insert(detFile, sci, "GAIN    = 2.0")), right()),

		// Who a file is.
		atFault("the primary header of another observation", card(detFile, "", "OBS_ID", "OBS_ID  =                 2681"), "DET", "OBS_ID", "2681"),
		atFault("of another dither", card(detFile, "", "DITHOBS", "DITHOBS =                    3"), "DET", "DITHOBS"),
		atFault("of a short exposure", card(detFile, "", "EXPNUM", "EXPNUM  =                    2"), "DET", "EXPNUM"),
		atFault("a BKG of another observation", card(bkgFile, "", "OBS_ID", "OBS_ID  =                 2681"), "BKG", "OBS_ID"),
		one("a DET under another's name", func(t *testing.T, k *kept) {
			put(t, k, k.Find("euclid", detFile), get(t, k, k.Find("euclid", "DET-002681-00-1", "20241018")))
		}, refused("DET-002682", "OBS_ID")),
		one("a BKG under another's name", func(t *testing.T, k *kept) {
			put(t, k, k.Find("euclid", bkgFile), get(t, k, k.Find("euclid", "BKG-002681-00-1")))
		}, refused("BKG-002682", "OBS_ID")),
		one("a WGT under another's name", edit(wgtFile, func(t *testing.T, data []byte) []byte {
			raw := header(t, data, "", "OBS_ID")
			copy(raw[cardAt(raw, "OBS_ID"):], "OBS_ID  =                 2682")
			return data
		}), refused("WGT-002681", "OBS_ID")),

		// Checksums.
		atFault("a header with a wrong CHECKSUM", card(detFile, "1-2.E.SCI", "PRESCAN", "CHECKSUM= 'AAAAAAAAAAAAAAAA'"), "1-2.E.SCI", "CHECKSUM"),
		atFault("a BKG with a wrong CHECKSUM", card(bkgFile, "1-2.E", "BUNIT", "CHECKSUM= 'AAAAAAAAAAAAAAAA'"), "1-2.E", "CHECKSUM"),

		// Companions.
		atFault("no BKG", remove(bkgFile), "BKG"),
		atFault("no PSF", remove(psfFile), "PSF"),
		atFault("a gzipped BKG", zipped(bkgFile), "BKG", `\.gz`),
		one("a gzipped PSF", zipped(psfFile), right()),
		atFault("a BKG cut short", cut(bkgFile, 0.5), "BKG", "incomplete"),
		atFault("a BKG of nothing", cut(bkgFile, 0), "BKG", "empty"),
		atFault("a PSF cut short", cut(psfFile, 0.5), "PSF", "incomplete"),
		one("no WGT", remove(wgtFile), right()),
		one("a quadrant that a BKG lacks", card(bkgFile, "1-1.F", "EXTNAME", "EXTNAME = '9-9.F'"), refused("BKG", `1-1\.F`)),
	))
}
