import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from constellation_shine import frame
from subtile import tpv


@pytest.mark.parametrize("pa", [0, 33, 180, -120])
def test_jacobian_is_the_skys(pa):
    """Against astropy's own offset frames, with a distortion that CD alone misses."""
    wcs = WCS(tpv(2048, 2066, pa=pa))
    x, y = np.array([100.0, 1900.0]), np.array([1800.0, 300.0])
    got = frame.jacobians(wcs, x, y)
    for i in range(2):
        here = SkyCoord(*wcs.wcs_pix2world(x[i], y[i], 0), unit="deg")
        for axis, step in enumerate(((0.5, 0), (0, 0.5))):
            ends = [SkyCoord(*wcs.wcs_pix2world(x[i] + s * step[0], y[i] + s * step[1], 0), unit="deg") for s in (1, -1)]
            east, north = (np.subtract(*[e.arcsec for e in pair]) for pair in zip(*[here.spherical_offsets_to(e) for e in ends]))
            assert got[i, :, axis] == pytest.approx([-east, north], abs=2e-7)
    linear = wcs.pixel_scale_matrix * 3600 * [[-1], [1]]
    assert np.abs(got - linear).max() > 1e-5  # the test would not notice a linear WCS otherwise


def test_jacobian_across_ra_zero():
    at = np.array([10.0]), np.array([10.0])
    a, b = (frame.jacobians(WCS(tpv(20, 20, ra=ra, dec=0.0)), *at) for ra in (0.0, 180.0))
    assert a == pytest.approx(b, abs=1e-8)


@pytest.mark.parametrize("turn", frame._TURNS)
def test_turned_positions_follow_their_pixels(turn):
    image = np.arange(6.0 * 4).reshape(6, 4)
    turned = frame.turn_image(image, turn)
    for y in range(6):
        for x in range(4):
            u, v = frame.turn_position(np.array([[x, y]], float), turn, image.shape)[0]
            assert turned[int(v), int(u)] == image[y, x]


@pytest.mark.parametrize("pa, rest", [(0, 0), (180, 0), (90, 0), (-90, 0), (200, 20), (50, -40)])
def test_quadrants_end_up_alike(pa, rest):
    """x runs within 45 degrees of west after the turn."""
    j = frame.jacobians(WCS(tpv(200, 200, pa=pa, quad=0)), np.array([100.0]), np.array([100.0]))[0]
    j = j @ frame.turn_for(j).T
    assert np.linalg.det(j) > 0
    assert abs(np.degrees(np.arctan2(j[1, 0], j[0, 0]))) == pytest.approx(abs(rest), abs=0.1)
