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
inside the stamp), so that fluxes are total ones. The rest falls outside, and
a fit that has no place for it makes galaxies brighter and larger: by 2.5
percent on simulated data. So the stamps are continued (:func:`with_wings`).
"""

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

STAMP = 21  # pixels a side, in the product
SIDE = 47  # pixels a side, as rendered; beyond lies half a percent of the light
_ORDER = 5  # of the spline
_PAD = 26  # pixels around a stamp: for the wings, a turn and a shift
_FAR = 201  # pixels a side of the field whose light adds up to 1
_EDGE = 10.5  # pixels from the middle to the stamp's edge


class Grid:
    """The PSF of one quadrant: stamps on a grid, interpolated in between."""

    def __init__(self, model, includes_pixel: bool, wings: bool) -> None:
        """``model`` is SHINE's ``EuclidPSFModel``, which knows the grid's layout."""
        self.x, self.y = model.grid_x, model.grid_y
        stamps = np.asarray(model.stamps, float)
        if wings:
            stamps = np.array([[with_wings(s, _PAD) for s in row] for row in stamps])
        else:
            stamps = np.pad(stamps, [(0, 0), (0, 0), (_PAD, _PAD), (_PAD, _PAD)])
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


def with_wings(stamp: np.ndarray, pad: int) -> np.ndarray:
    """The stamp in the middle of one that is larger by ``pad`` on all sides, continued there.

    Outside, the brightness is b exp(-(m/q) ((r/R)^q - 1)), R the radius of the
    stamp's edge: b and the slope m = -d ln I / d ln r are those of the outermost
    ring, and q makes the total 1. The family holds the power laws of
    diffraction (q to 0) and exponentials and Gaussians (q of 1 and 2). A stamp
    whose sum is 1 has no wings.
    """
    n, side = stamp.shape[-1], stamp.shape[-1] + 2 * pad
    out = np.pad(stamp, pad)
    missing = 1 - stamp.sum()
    ring = np.arange(n) - n // 2
    r = np.hypot(ring[:, None], ring)
    chosen = (r > _EDGE - 2.5) & (r < _EDGE) & (stamp > 0)
    if missing < 1e-3 or chosen.sum() < 20:
        return out
    slope, height = np.polyfit(np.log(r[chosen] / _EDGE), np.log(stamp[chosen]), 1)
    m = max(-slope, 0.1)
    far = np.log(np.hypot(*np.meshgrid(np.arange(_FAR) - _FAR // 2, np.arange(_FAR) - _FAR // 2))[_outside(n)] / _EDGE)

    def wings(q):
        return np.exp(height - m / q * np.expm1(q * far))

    low, high = 1e-3, 4.0  # the more q, the less light
    for _ in range(40):
        q = (low + high) / 2
        low, high = (q, high) if wings(q).sum() > missing else (low, q)
    whole = np.zeros((_FAR, _FAR))
    whole[_outside(n)] = wings((low + high) / 2)
    cut = (_FAR - side) // 2
    return out + whole[cut:-cut, cut:-cut]


def _outside(n: int) -> np.ndarray:
    """The pixels of a field of ``_FAR`` a side that are not in the middle n x n."""
    at = np.abs(np.arange(_FAR) - _FAR // 2) <= n // 2
    return ~(at[:, None] & at)
