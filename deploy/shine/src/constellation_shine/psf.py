"""PSF stamps as SHINE's renderer needs them.

The renderer (``shine.euclid.scene``) draws galaxy * PSF through the local WCS
on a stamp that begins at a whole pixel. Three things follow from how it does
so, and all three can be put right in the PSF that it is given:

* It takes the PSF's axes to be those of the sky. The product's are those of
  the detector. So stamps are resampled into (u, v).
* It centres the profile on the stamp, that is, on ``round(position) - 1/2``,
  and not on the source. The rest, up to a pixel and different on every
  exposure, is put into the stamp as a shift.
* It convolves with the pixel. Euclid's PSF product is the effective PSF, pixel
  included (so is the simulator's), so the pixel is taken out of the stamps
  first: a division by sinc(x) sinc(y), at least 0.4 below the Nyquist
  frequency.

Stamps keep the sum that the product gives them (0.93 to 0.97: what falls
inside the stamp), so that fluxes are total ones.
"""

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

STAMP = 21  # pixels a side, in the product
SIDE = 27  # pixels a side, as rendered: room for a turn of 45 degrees' core and a shift
_ORDER = 5  # of the spline
_PAD = 6  # pixels around a stamp: what the spline and the pixel's removal ring into


class Grid:
    """The PSF of one quadrant: stamps on a grid, interpolated in between."""

    def __init__(self, model, includes_pixel: bool) -> None:
        """``model`` is SHINE's ``EuclidPSFModel``, which knows the grid's layout."""
        self.x, self.y = model.grid_x, model.grid_y
        stamps = np.pad(np.asarray(model.stamps, float), [(0, 0), (0, 0), (_PAD, _PAD), (_PAD, _PAD)])
        if includes_pixel:
            stamps = without_pixel(stamps)
        # Interpolation between stamps is linear, so their splines can be interpolated as well.
        self.splines = np.array([[spline_filter(s, order=_ORDER, mode="constant") for s in row] for row in stamps])

    def at(self, position: np.ndarray, jacobian: np.ndarray, shift: np.ndarray, scale: float) -> np.ndarray:
        """The PSF at a pixel position as a (SIDE, SIDE) stamp in (u, v) of ``scale`` arcsec.

        ``jacobian`` is d(u, v)/d(x, y) there, in arcsec per pixel; ``shift`` is
        in pixels (x, y).
        """
        steps = np.arange(SIDE) - SIDE // 2
        v, u = np.meshgrid(steps * scale, steps * scale, indexing="ij")
        inverse = np.linalg.inv(jacobian)
        x = inverse[0, 0] * u + inverse[0, 1] * v - shift[0]
        y = inverse[1, 0] * u + inverse[1, 1] * v - shift[1]
        middle = STAMP // 2 + _PAD
        stamp = map_coordinates(self._between(position), [y + middle, x + middle],
                                order=_ORDER, mode="constant", prefilter=False)
        # Surface brightness to flux per rendered pixel.
        return stamp * scale**2 / abs(np.linalg.det(jacobian))

    def _between(self, position) -> np.ndarray:
        i, wx = _cell(self.x, position[0])
        j, wy = _cell(self.y, position[1])
        s = self.splines
        return ((1 - wy) * ((1 - wx) * s[j, i] + wx * s[j, i + 1])
                + wy * ((1 - wx) * s[j + 1, i] + wx * s[j + 1, i + 1]))


def _cell(grid: np.ndarray, at: float) -> tuple[int, float]:
    """The grid's cell around a place and the place in it; clamped at the outermost stamps."""
    i = int(np.clip(np.searchsorted(grid, at) - 1, 0, len(grid) - 2))
    return i, float(np.clip((at - grid[i]) / (grid[i + 1] - grid[i]), 0.0, 1.0))


def without_pixel(stamps: np.ndarray) -> np.ndarray:
    """Stamps (..., n, n) as they were before the square pixel was convolved in."""
    n = stamps.shape[-1]
    f = np.sinc(np.fft.fftfreq(n))
    return np.fft.ifft2(np.fft.fft2(stamps) / (f[:, None] * f)).real
