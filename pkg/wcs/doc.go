// Package wcs turns pixels of an image into directions on the sky and back, as
// the world-coordinate keywords of its FITS header say.
//
// It knows the gnomonic projection (CTYPE RA---TAN, DEC--TAN) and the same with
// a distortion polynomial (TPV), which Euclid's VIS images use. Linear terms are
// a CD matrix or PC and CDELT. Everything else is refused with the name of the
// keyword: SIP and other distortions, other projections and frames, other units
// than degrees, an axis order other than right ascension first.
//
// Conventions: the centre of the first pixel is (1, 1), as in FITS; its outer
// corner is (0.5, 0.5). Directions are ICRS degrees with RA in [0, 360).
// Intermediate coordinates xi (east) and eta (north) are degrees.
//
// A [WCS] is immutable and safe for concurrent use; its methods don't allocate,
// save for [WCS.Outline].
//
// References: Calabretta & Greisen 2002 (A&A 395, 1077, "Paper II"); the TPV
// convention of the FITS registry. Golden values are wcslib's.
package wcs

// Codes of the failures that this package reports, all of kind bad data.
const (
	CodeInvalid     = "WCSInvalid"     // a keyword's value makes no coordinate system
	CodeUnsupported = "WCSUnsupported" // a valid header beyond what is supported
	CodeNoInverse   = "WCSNoInverse"   // a direction that no pixel shows
)
