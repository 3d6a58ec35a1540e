package reference

import "github.com/cosmostat/constellation/pkg/results"

// Bits of a source's FLAGS. A source with any of [FlagsRejected] does not count
// for the shear; the others are for people to know.
const (
	FlagNoData       = 1 << iota // no usable pixel: nothing was measured
	FlagNotConverged             // the fit did not converge, or its errors can't be had
	FlagUnresolved               // smaller than the PSF allows to tell
	FlagExtreme                  // shape or size at the bounds of the fit
	FlagStrayed                  // far from the catalogue's position: another source, perhaps
	FlagPoorFit                  // chi-square says that it is no such galaxy, or not alone
	FlagFaint                    // below the signal-to-noise ratio that shear is measured from
	FlagCatalog                  // a point source or spurious, says the catalogue
	FlagBlended                  // neighbours give more than 5% of the light in its centre
	FlagMasked                   // more than a fifth of its pixels are masked

	// FlagsRejected are those that package results holds N_SOURCES to.
	FlagsRejected = FlagNoData | FlagNotConverged | FlagUnresolved | FlagExtreme | FlagStrayed | FlagPoorFit | FlagFaint | FlagCatalog
)

// The limits behind the flags.
const (
	resolved = 0.10 // half-light radius in arcsec: that of VIS's PSF with the pixel in it, or so
	strayed  = 0.5  // arcsec
	poor     = 1.5  // chi-square per degree of freedom, with five of its standard deviations on top
	faint    = 10.0 // signal-to-noise ratio
)

const _ = uint(FlagsRejected-results.ReferenceRejects) + uint(results.ReferenceRejects-FlagsRejected) // does not compile unless they are the same
