from types import SimpleNamespace

import numpy as np
import pytest
from constellation_shine import psf
from subtile import gaussian

SIGMA, PIXEL = 0.8, 1 / 12  # pixels; the pixel's variance


def grid(stamp, includes_pixel=False):
    model = SimpleNamespace(stamps=np.tile(stamp, (9, 9, 1, 1)), grid_x=np.linspace(50, 950, 9), grid_y=np.linspace(50, 950, 9))
    return psf.Grid(model, includes_pixel, wings=False)


def moments(image):
    n = image.shape[0]
    p = np.arange(n) - n // 2
    total = image.sum()
    x, y = (image.sum(axis=a) @ p / total for a in (0, 1))
    xx, yy = (image.sum(axis=a) @ (p - m) ** 2 / total for a, m in ((0, x), (1, y)))
    xy = p @ image @ p / total - x * y
    return total, x, y, xx, xy, yy


@pytest.mark.parametrize("shift", [(0, 0), (0.5, 0), (0.3, 0.9)])
def test_shift_and_flux(shift):
    got = grid(gaussian(21, SIGMA) * 0.95).at(np.array([500.0, 500.0]), np.eye(2) * 0.1, np.array(shift), 0.1)
    assert got == pytest.approx(0.95 * gaussian(psf.SIDE, SIGMA, *shift), abs=3e-4)


def test_axes_are_the_skys():
    """A PSF stretched along the detector's x lies along that axis' direction on the sky."""
    p = np.arange(21) - 10
    stamp = np.exp(-(p[None, :] ** 2) / 8 - p[:, None] ** 2 / 2) / 4 / np.pi
    a = np.radians(30)
    jacobian = 0.1 * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    total, x, y, xx, xy, yy = moments(grid(stamp).at(np.array([500.0, 500.0]), jacobian, np.zeros(2), 0.1))
    want = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.diag([4, 1]) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    assert total == pytest.approx(1, abs=2e-3)
    assert [xx, xy, yy] == pytest.approx([want[0, 0], want[0, 1], want[1, 1]], abs=0.03)


def test_scale_of_the_wcs_keeps_the_flux():
    got = grid(gaussian(21, SIGMA)).at(np.array([500.0, 500.0]), np.eye(2) * 0.102, np.zeros(2), 0.1)
    total, _, _, xx, _, _ = moments(got)
    assert (total, xx) == (pytest.approx(1, abs=1e-3), pytest.approx((SIGMA * 1.02) ** 2, rel=0.01))


def test_pixel_is_taken_out():
    before, after = gaussian(21, SIGMA), psf.without_pixel(gaussian(33, SIGMA))
    assert moments(after)[0] == pytest.approx(moments(before)[0], abs=1e-6)
    assert moments(after)[3] == pytest.approx(SIGMA**2 - PIXEL, abs=2e-3)


def test_interpolates_between_stamps():
    g = grid(gaussian(21, SIGMA))
    g.splines = g.splines * np.arange(9)[None, :, None, None]
    at = lambda x: g.at(np.array([x, 500.0]), np.eye(2) * 0.1, np.zeros(2), 0.1).sum()
    unit = at(g.x[1])
    assert at((g.x[2] + g.x[3]) / 2) == pytest.approx(2.5 * unit)
    assert at(-100.0) == pytest.approx(0, abs=1e-9) and at(1e4) == pytest.approx(8 * unit)  # clamped outside


@pytest.mark.parametrize("wing, close", [
    (lambda r: np.exp(-(r**2) / 2 / 9**2), 0.05),  # as the simulator's
    (lambda r: np.exp(-r / 6), 0.05),
    (lambda r: (1 + r**2) ** -1.5, 0.05),  # as diffraction's
])
def test_wings(wing, close):
    """What is cut off of a core and its wings is put back, where it was."""
    side = np.arange(201) - 100
    r = np.hypot(side[:, None], side)
    core, far = np.exp(-(r**2) / 2 / 0.8**2), wing(r)
    core, far = core / core.sum(), far / far.sum()
    share = 0.045 / (1 - far[90:111, 90:111].sum())  # so much lies outside
    whole = (1 - share) * core + share * far
    stamp, wide = whole[90:111, 90:111], whole[77:124, 77:124]
    got = psf.with_wings(stamp, 13)
    assert (got[13:-13, 13:-13] == stamp).all() and stamp.sum() == pytest.approx(0.955)
    assert got.sum() == pytest.approx(wide.sum(), abs=0.002)
    assert got[23, :13] == pytest.approx(wide[23, :13], rel=3 * close)
    second = (np.arange(47) - 23) ** 2
    assert (got.sum(0) * second).sum() == pytest.approx((wide.sum(0) * second).sum(), rel=close)


def test_a_stamp_that_holds_all_has_no_wings():
    stamp = gaussian(21, 1.0)
    assert psf.with_wings(stamp, 5) == pytest.approx(np.pad(stamp, 5), abs=1e-9)


def test_noise_in_the_wings_is_no_failure():
    rng = np.random.default_rng(1)
    for _ in range(20):
        stamp = 0.95 * gaussian(21, 0.9) + rng.normal(0, 1e-4, (21, 21))
        got = psf.with_wings(stamp, 13)
        assert np.isfinite(got).all() and got.sum() < 1.01 and (got[0] >= 0).all()
