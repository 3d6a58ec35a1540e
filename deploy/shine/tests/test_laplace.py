"""The curvature's bookkeeping and the small statistics, against dense linear algebra. None of it needs SHINE."""

from types import SimpleNamespace

import numpy as np
import pytest
from constellation_shine import infer, laplace
from constellation_shine.failure import DIVERGED, Failure


def layout(rng, n=30, side=400.0, exposures=2):
    data = SimpleNamespace(source_stamp_tier=rng.integers(0, 2, n), pixel_positions=rng.uniform(40, side, (n, exposures, 2)),
                           source_visible=rng.random((n, exposures)) < 0.7, n_exposures=exposures)
    return data, [32, 64]


def test_overlaps_are_those_of_the_stamps():
    data, sizes = layout(np.random.default_rng(1))
    got, size = laplace.overlaps(data, sizes), np.array(sizes)[data.source_stamp_tier]
    corner = np.round(data.pixel_positions) - (size // 2)[:, None, None]
    for i in range(30):
        for j in set(range(30)) - {i}:
            both = data.source_visible[i] & data.source_visible[j]
            gap = corner[j] - corner[i]
            assert (j in got[i]) == bool((both & ((gap > -size[j]) & (gap < size[i])).all(axis=1)).any())
    assert 0 < sum(map(len, got)) < 30 * 29


def test_colours_keep_columns_apart():
    near = laplace.overlaps(*layout(np.random.default_rng(2), n=80))
    colour = laplace.colours(near)
    for i, mine in enumerate(near):
        around = [i, *mine]
        assert len({colour[k] for k in around}) == len(around)
    assert colour.max() + 1 < 40


def test_matrix_and_inverse_are_the_dense_ones():
    """From products with a random arrowhead matrix to its inverse's blocks."""
    rng, k = np.random.default_rng(3), 3
    near = laplace.overlaps(*layout(rng, n=25))
    n = len(near)
    mask = np.zeros((n, n), bool)
    for i, mine in enumerate(near):
        mask[i, [i, *mine]] = True
    half = rng.normal(size=(n * k, n * k)) * 0.1
    dense = np.zeros((2 + n * k, 2 + n * k))
    dense[2:, 2:] = (half + half.T) * np.kron(mask, np.ones((k, k))) + 4 * np.eye(n * k)
    dense[:2, 2:] = rng.normal(size=(2, n * k)) * 0.3
    dense[2:, :2] = dense[:2, 2:].T
    dense[:2, :2] = np.eye(2) * 20
    gradient = rng.normal(size=2 + n * k)
    assert np.linalg.eigvalsh(dense).min() > 0

    def product(at, v):  # sources are (k, n) there, source by source here
        out = dense @ np.concatenate([np.asarray(v[0]), np.asarray(v[1]).T.ravel()])
        return out[:2], out[2:].reshape(n, k).T

    pytest.importorskip("jax")
    parts = laplace._matrix(product, (np.zeros(2), np.zeros((k, n))), near)
    shear, source, cross, step, steps = laplace.invert(*parts, near, (gradient[:2], gradient[2:].reshape(n, k).T))
    want = np.linalg.inv(dense)
    assert shear == pytest.approx(want[:2, :2], abs=1e-5)
    assert step == pytest.approx(-(want @ gradient)[:2], abs=1e-5)
    assert steps.ravel() == pytest.approx(-(want @ gradient)[2:], abs=1e-5)
    for i in range(n):
        at = slice(2 + i * k, 2 + (i + 1) * k)
        assert source[i] == pytest.approx(want[at, at], abs=1e-5)
        assert cross[i] == pytest.approx(want[at, :2], abs=1e-5)


def test_flat_direction_is_a_failure():
    with pytest.raises(Failure) as e:
        laplace.invert(np.eye(2), np.zeros((1, 1, 2)), {(0, 0): np.zeros((1, 1))}, [set()], (np.zeros(2), np.zeros((1, 1))))
    assert e.value.code == DIVERGED


def test_observed_shape_is_galsims():
    galsim = pytest.importorskip("galsim")
    e, g = galsim.Shear(e1=0.3, e2=-0.2), galsim.Shear(g1=0.05, g2=0.02)
    both = g + e  # e first, then g
    assert infer.observe(0.05, 0.02, 0.3, -0.2) == pytest.approx((both.g1, both.g2), abs=1e-12)


def test_split_rhat():
    rng = np.random.default_rng(4)
    assert infer.split_rhat(rng.normal(size=(4, 1000))) == pytest.approx(1, abs=0.01)
    assert infer.split_rhat(rng.normal(size=(1, 1000)) + np.linspace(0, 5, 1000)) > 1.5
    assert infer.split_rhat(np.zeros((2, 10))) == np.inf


def test_drift():
    assert infer.drift(np.r_[np.linspace(100, 1, 800), np.random.default_rng(5).normal(size=200)]) < 0.5
    assert infer.drift(np.linspace(100, 1, 1000)) > 3
