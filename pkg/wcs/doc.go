// Package wcs turns pixels of an image into directions on the sky and back, as
// the world-coordinate keywords of its FITS header say.
//
// Supported are the gnomonic projection (CTYPE RA---TAN, DEC--TAN), the same
// with a distortion of the pixel plane (TAN-SIP, all orders to 9) and the same
// with a distortion of the tangent plane (TPV, all 40 terms with their powers of
// r), which Euclid's VIS images use. The axes may come in either order, except
// with TPV, and the celestial pole may be turned by LONPOLE.
//
// Linear terms are a CD matrix, PC with CDELT, or CDELT with CROTA. A CD matrix
// makes CDELT and CROTA void, as in wcslib. CD with PC, and PC with a rotation
// by CROTA, contradict each other and are refused, where wcslib prefers PC. TPV
// needs a CD matrix.
//
// Everything else is refused with the keyword that asks for it: other
// projections, axes, frames and units; PV terms with TAN, which the standard and
// SCAMP's old files read differently; SIP terms without -SIP in CTYPE; tables of
// distortion. RADECSYS and EPOCH stand for RADESYS and EQUINOX where these are
// absent. The inverse polynomials of SIP, AP and BP, are approximations and
// not read: the inverse here is that of A and B themselves.
//
// Conventions: the centre of the first pixel is (1, 1), as in FITS; its outer
// corner is (0.5, 0.5). Directions are ICRS degrees with RA in [0, 360).
// Intermediate coordinates xi (east) and eta (north) are degrees.
//
// # The inverse
//
// A distortion polynomial folds the plane somewhere beyond the image that it was
// fitted to, and there several pixels show one direction. [WCS.ToPixel] follows
// the way from the reference point to the direction in steps that are proved not
// to cross a fold, and returns the pixel of the reference point's own sheet, where
// the image is. Where a fold bars the way it fails with [CodeNoInverse]; so it
// does, rarely and far outside the image, where a thousand steps don't suffice.
// It never returns a pixel behind a fold, or one that doesn't show the direction.
//
// A [WCS] is immutable and safe for concurrent use; its methods don't allocate,
// save for the outlines.
//
// References: Greisen & Calabretta 2002 (A&A 395, 1061, "Paper I"); Calabretta &
// Greisen 2002 (A&A 395, 1077, "Paper II"); Shupe et al. 2005 (ASPC 347, 491) for
// SIP; the TPV convention of the FITS registry. Golden values are wcslib's.
package wcs

// Codes of the failures that this package reports, all of kind bad data.
const (
	CodeInvalid     = "WCSInvalid"     // a keyword's value makes no coordinate system
	CodeUnsupported = "WCSUnsupported" // a valid header beyond what is supported
	CodeNoInverse   = "WCSNoInverse"   // a direction that no pixel shows
)
