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
_EDGE = 10.5  # pixels from the middle to the stamp's edge


class Grid:
    """The PSF of one quadrant: stamps on a grid, interpolated in between."""

    def __init__(self, model, includes_pixel: bool, wings: bool) -> None:
        """``model`` is SHINE's ``EuclidPSFModel``, which knows the grid's layout."""
        self.x, self.y = model.grid_x, model.grid_y
        stamps = np.asarray(model.stamps, float)
        if wings:
            stamps = with_wings(stamps, _PAD)
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


def with_wings(stamps: np.ndarray, pad: int) -> np.ndarray:
    """Stamps (..., n, n) in the middle of ones that are larger by ``pad`` on all sides, continued there.

    Outside, the brightness is exp(a - m ((r/R)^q - 1) / q), R the radius of the
    stamp's edge: a and m fit the outermost rings, and q is the one for which
    the light outside is what the stamp lacks to 1. The family holds the power
    laws of diffraction (q to 0), exponentials and Gaussians (q of 1 and 2). A
    stamp whose sum is 1 has no wings.
    """
    n, side = stamps.shape[-1], stamps.shape[-1] + 2 * pad
    flat = stamps.reshape(-1, n, n)
    out, missing = np.pad(flat, [(0, 0), (pad, pad), (pad, pad)]), 1 - flat.sum((1, 2))
    rings, radii = _rings(n)
    light = np.stack([flat[:, ring].mean(1) for ring in rings], axis=1)
    light = np.log(np.maximum(light, 1e-3 * np.abs(light).max(1, keepdims=True) + 1e-12))
    field, pixels = _field(n)
    r = np.hypot(*np.meshgrid(*[np.arange(side) - side // 2] * 2))
    outside = np.ones((side, side), bool)
    outside[pad:-pad, pad:-pad] = False
    best, found = np.full(len(flat), np.inf), np.zeros((4, len(flat)))
    for q in np.linspace(0.02, 3, 60):
        at = _bend(radii, q)
        lever = at - at.mean()
        m = np.minimum(light @ lever / (lever @ lever), 0)  # never brighter outwards
        a = light.mean(1) - m * at.mean()
        total = np.exp(a[:, None] + m[:, None] * _bend(field, q)) @ pixels
        miss = np.abs(np.log(total / np.maximum(missing, 1e-9)))
        better = miss < best
        best[better], found[:, better] = miss[better], np.stack([np.full(len(flat), q), m, a, total])[:, better]
    for i in np.flatnonzero(missing > 1e-3):
        q, m, a, total = found[:, i]
        out[i, outside] = missing[i] / total * np.exp(a + m * _bend(r[outside], q))
    return out.reshape(*stamps.shape[:-2], side, side)


def _bend(r, q):
    return np.expm1(q * np.log(np.maximum(r, 1) / _EDGE)) / q


def _rings(n: int):
    """Pixels of the rings half a pixel wide just inside a stamp's edge, and the rings' radii."""
    at = np.arange(n) - n // 2
    r = np.hypot(at[:, None], at)
    rings = [(r >= low) & (r < low + 0.5) for low in np.arange(_EDGE - 3, _EDGE, 0.5)]
    return rings, np.array([r[ring].mean() for ring in rings])


def _field(n: int):
    """Radii of a field of 20 arcsec, whose light adds up to 1, and how many of its pixels lie there and not in the stamp."""
    at = np.arange(201) - 100
    r, inside = np.hypot(at[:, None], at), np.abs(at) <= n // 2
    pixels, edges = np.histogram(r[~(inside[:, None] & inside)], bins=400)
    return (edges[1:] + edges[:-1]) / 2, pixels
