// Package reference measures the shear of a sub-tile by fitting every core
// source over all its exposures in native pixels. It is the suite's own engine:
// no GPU, no Python, a few milliseconds of a processor for each source and
// exposure. It is there to check data and pipeline against, and to give a first
// catalogue that was measured; it is no substitute for SHINE, since it has one
// profile, no prior, and no calibration of its noise bias.
//
// # The model
//
// A source is an exponential disc of free position, flux, size and shape, and
// the PSF is a sum of three Gaussians with centres and shapes of their own, so
// that the convolved source is a sum of Gaussians too (Hogg & Lang 2013, PASP
// 125, 719): means add and covariances add. The disc's mixture is good to 4e-4
// at every frequency. PSF stamps have the pixel in them, so that a pixel's
// value is the convolved model at its centre. Of the 9 x 9 stamps of a quadrant
// the four around a source are mixed bilinearly, and the mixture is fitted to
// that; it keeps the stamps' normalization, and its wings continue beyond them.
// What the mixture misses of the stamp is reported (worst_psf_residual): under
// 1e-4 on the simulator's, whose PSFs have this form; real ones don't.
//
// Each exposure shows the source through the Jacobian of its WCS at the source
// (distortion included) and through its own zero point and exposure time:
// m_AB = -2.5 log10(ADU) + MAGZEROP + 2.5 log10(EXPTIME) = 23.9 - 2.5 log10(uJy).
// Data are SCI minus BKG, weights 1/RMS^2, and 0 where FLG has bit 0 (INVALID).
// No background is fitted: one that was left in shows in fluxes and chi-square.
//
// The frame is u to the west and v to the north at the source. The covariance
// of the disc is exp(L) with L = [[a+b, c], [c, a-b]], which is positive for any
// (a, b, c): hlr = exp(a/2), and the ellipticity e = (b, c)/q tanh(q/2) with
// q = |(b, c)| has |e| = (p-q)/(p+q) of the axes.
//
// # The fit
//
// Least squares by Levenberg and Marquardt's method with analytic derivatives,
// from the catalogue's position, flux and size. It has converged when no step
// lowers chi-square by more than 1e-3. Errors are of the inverse of the
// curvature at the minimum, J'WJ, with the noise as RMS states it. Neighbours,
// also those outside the core, are fitted too and subtracted; sources that
// neighbours disturb are fitted three times, each time with the neighbours as
// the round before left them. So results don't depend on the order of the work.
//
// # The shear
//
// With ellipticities of this kind, the mean of sheared isotropic shapes is the
// reduced shear, whatever their distribution (Seitz & Schneider 1997, A&A 318,
// 687): the responsivity (Bernstein & Jarvis 2002, AJ 123, 583, section 5) is 1,
// as long as weights and selection don't depend on shapes. Therefore both are
// computed for the source made round with its flux and size kept:
//
//	g = sum w e / sum w,  w = 1 / (0.25^2 + s^2)
//
// where s is the error that a component of e would have, and 0.25 the shape
// noise: inverse-variance weights as lensfit's (Miller et al. 2013, MNRAS 429,
// 2858), without their dependence on the ellipticity. Errors are the delete-one
// jackknife's, of sources' scatter; 1/sqrt(sum w) for fewer than ten sources.
//
// Shapes of least squares are biased by noise, to second order in 1/SNR
// (Refregier et al. 2012, MNRAS 425, 1951), and nothing corrects for it. On
// 20,000 pairs of simulated galaxies (make bench-shear) the multiplicative bias
// was (1.6 +- 1.0, 0.9 +- 2.4) 1e-3 for both components over all, (23 +- 7,
// 0 +- 11) 1e-3 at SNR 10 to 15, and within its errors of 2e-3 to 8e-3 in each
// bin above; the additive one was (-2 +- 5, -3 +- 4) 1e-4. Those are the
// engine's own galaxies and PSFs, noise and neighbours known. Real galaxies are
// no exponential discs and real PSFs no three Gaussians, which adds biases that
// this can't show.
//
// # Results
//
// CONVERGENCE is the fraction of the core sources with data whose fits did not
// converge, those left out that the catalogue calls point sources or spurious;
// smaller is better. FLAGS are the bits of this package: a source
// with any of [FlagsRejected] did not count for the shear. SNR is
// sqrt(sum (model/RMS)^2), at fixed shape; FLUX_ERR has the uncertainty of the
// shape in it. A sub-tile without a source that counts is no_sources.
//
// Memory is bounded by one source's stamps for each worker, PSF stamps of the
// quadrants (140 kB each) and a few kB for each source; pixels are read by range.
package reference
