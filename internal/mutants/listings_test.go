package mutants

import "testing"

// TestListings changes what is listed, and what files say they are.
func TestListings(t *testing.T) {
	run(t, join(
		// Deliveries of exposures.
		atFault("a DET by funpack's form", rename(detFile, ".fits", ".fits.fz"), "DET", `\.fz`, "funpack"),
		atFault("a DET by bzip2", rename(detFile, ".fits", ".fits.bz2"), "DET", "bunzip2"),
		atFault("a DET in an upper-case suffix", rename(detFile, ".fits", ".FITS"), "DET", `\.FITS`, "rename"),
		atFault("half a download of a DET", rename(detFile, ".fits", ".fits.part"), "DET", `\.part`, "whole"),
		atFault("a DET in three parts", rename(detFile, "Z.fits", "Z_sci.fits"), "DET", "there is no _rms"),
		atFault("a newer DET, gzipped", all(copyTo(detFile, "_2024", "_2026"), zipped("DET-002682-00-1-0000000__2026")), "DET", "gunzip"),
		one("an older DET, gzipped", all(copyTo(detFile, "_2024", "_2020"), zipped("DET-002682-00-1-0000000__2020")), rightSaying(nil, "older deliveries")),
		one("a DET gzipped beside itself", copyTo(detFile, ".fits", ".fits.gz"), rightSaying(nil, "older deliveries")),
		one("a backup of a DET", copyTo(detFile, ".fits", ".fits~"), rightSaying([]string{"~"}, "named like products")),
		atFault("a PSF by funpack's form", rename(psfFile, ".fits", ".fits.fz"), "PSF", "funpack"),

		// Who files are, as strings and where a keyword is absent.
		one("a DET that says nothing of itself", all(card(detFile, "", "OBS_ID", ""), card(detFile, "", "DITHOBS", ""), card(detFile, "", "EXPNUM", "")), right()),
		one("a DET that says it as a string", card(detFile, "", "OBS_ID", "OBS_ID  = '002682  '"), right()),
		atFault("a DET that says another as a string", card(detFile, "", "OBS_ID", "OBS_ID  = '002681  '"), "DET", "OBS_ID", "2681"),
		atFault("a BKG of another dither", card(bkgFile, "", "DITHOBS", "DITHOBS =                    2"), "BKG", "DITHOBS is 2"),
		atFault("a BKG of a short exposure", card(bkgFile, "", "EXPNUM", "EXPNUM  =                    2"), "BKG", "EXPNUM is 2"),

		// Tiles.
		one("a mosaic that says another tile", card(westMosaic, "", "TILEID", "TILEID  =            102018212"), refused("TILEID is 102018212", "tile 102018211")),
		one("a catalogue that says another tile", card(westCatalog, "", "TILEID", "TILEID  =            102018212"), refused("TILEID is 102018212", "tile 102018211")),
		one("a catalogue by funpack's form", rename(westCatalog, ".fits", ".fits.fz"), refused("102018211", "funpack")),
		one("half a download of a catalogue", rename(westCatalog, ".fits", ".fits.part"), refused("102018211", `\.part`)),
		one("a mosaic by funpack's form", rename(westMosaic, ".fits", ".fits.fz"), refused("102018211", "funpack")),
		one("a mosaic in an upper-case suffix", rename(westMosaic, ".fits", ".FITS"), refused("102018211", "rename")),

		// Releases.
		one("a newer release of one tile", copyTo(westCatalog, "_00.00.fits", "_01.00.fits"), rightSaying([]string{"FINAL-CAT_TILE102018211-.*_00.00.fits"}, "another release than 01.00.*102018212", "another release in their margins.*102018211")),
		one("a release by its number as number", copyTo(westCatalog, "_00.00.fits", "_0.01.fits"), rightSaying([]string{"FINAL-CAT_TILE102018211-.*_00.00.fits"}, "another release than 00.01")),
		[]mutant{
			{name: "a release that is asked for", change: all(copyTo(westCatalog, "_00.00.fits", "_01.00.fits"), copyTo(eastCatalog, "_00.00.fits", "_01.00.fits")), config: "data: {release: 00.00}", want: rightSaying([]string{"CAT.*_01.00.fits"}, "newer release than 00.00")},
			{name: "a release that isn't there", change: nothing, config: "data: {release: 07.00}", want: refused("07.00", "data.release", "00.00")},
			{name: "a release that one tile lacks", change: copyTo(eastCatalog, "_00.00.fits", "_01.00.fits"), config: "data: {release: 01.00}", want: refused("102018211", "01.00 counts", "00.00")},
		},
	))
}
