"""Pixel frames: turning quadrants alike, and the sky's axes at a source.

Sky frame everywhere: u to the west, v to the north, arcsec in the tangent
plane of the source, which is SHINE's and GalSim's. Pixel coordinates count
from 0 at the centre of the first pixel; matrices act on column vectors.
"""

import numpy as np

# The eight ways to turn and mirror a pixel grid.
_TURNS = [np.array(m) for m in (
    [[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]],
    [[-1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]], [[0, -1], [-1, 0]],
)]


def jacobians(wcs, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """d(u, v)/d(x, y) in arcsec per pixel at pixels, through the whole WCS.

    Differences over two pixels: the distortion's curvature falls out, and
    double precision leaves ten digits. Shape (n, 2, 2).
    """
    ra0, dec0 = wcs.wcs_pix2world(x, y, 0)
    out = np.empty((len(x), 2, 2))
    for axis, (dx, dy) in enumerate(((1.0, 0.0), (0.0, 1.0))):
        out[:, :, axis] = (_offsets(*wcs.wcs_pix2world(x + dx, y + dy, 0), ra0, dec0)
                           - _offsets(*wcs.wcs_pix2world(x - dx, y - dy, 0), ra0, dec0)) / 2
    return out


def _offsets(ra, dec, ra0, dec0) -> np.ndarray:
    """(u, v) in arcsec in the tangent plane at (ra0, dec0), degrees; shape (n, 2)."""
    da, d, d0 = (np.radians(np.asarray(a, float)) for a in (np.asarray(ra) - ra0, dec, dec0))
    depth = np.sin(d) * np.sin(d0) + np.cos(d) * np.cos(d0) * np.cos(da)
    east = np.cos(d) * np.sin(da) / depth
    north = (np.sin(d) * np.cos(d0) - np.cos(d) * np.sin(d0) * np.cos(da)) / depth
    return np.degrees(np.stack([-east, north], axis=-1)) * 3600.0


def turn_for(jacobian: np.ndarray) -> np.ndarray:
    """The turn after which x runs as nearly west, and y north, as the grid allows.

    SHINE has one offset (dx, dy) per source, in pixels and for all exposures.
    Half of Euclid's CCDs are mounted upside down, so the offset means the same
    on all of them only after they are turned alike.
    """
    return max(_TURNS, key=lambda d: np.trace(jacobian @ d.T))


def turn_image(image: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The image in turned pixels: the value of (x, y) goes to ``turn_position``."""
    if d[0, 0] == 0:
        image = image.T
    flip_x, flip_y = d[0].sum() < 0, d[1].sum() < 0
    return np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def turn_position(xy: np.ndarray, d: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Positions (n, 2) of an image of ``shape`` (ny, nx) in turned pixels."""
    middle = np.array([shape[1] - 1, shape[0] - 1]) / 2
    return (xy - middle) @ d.T + np.abs(d) @ middle
