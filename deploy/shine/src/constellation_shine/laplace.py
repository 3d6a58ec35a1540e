"""Errors by the Laplace approximation: the curvature of the posterior.

The posterior's curvature is taken as J' W J + P: J the derivatives of the
model's pixels, W the pixels' weights, P the curvature of the priors
(Gauss-Newton: positive definite wherever it is evaluated, and the Fisher
matrix plus the prior). All of SHINE's parameters are in it, so that the errors
of g1 and g2 are those that remain with every source's flux, size, shape and
position unknown; at fixed shapes they would be several times too small, for a
shear and a change of all shapes look alike.

Sources couple only through the shear and where their stamps overlap. So the
matrix is found exactly with few products: one for each shear component, and
one for each parameter and each colour of a colouring in which no two sources
of one colour overlap a common third. It is inverted group by group.
"""

import logging
from dataclasses import dataclass

import numpy as np

from constellation_shine.failure import DIVERGED, Failure
from constellation_shine.model import SHEAR, Model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Curvature:
    """The posterior around a point. Sites are in the order of ``Model.free``."""

    shear: np.ndarray  # (2, 2) covariance of g1, g2
    source: np.ndarray  # (n, k, k) covariances of the sources' sites, in z
    cross: np.ndarray  # (n, k, 2) covariances of sites and shear
    step: np.ndarray  # (2,) what a Newton step would still add to g1, g2
    moved: dict  # the values after that step
    blended: np.ndarray  # (n,) its stamp overlaps another one's
    chi2: float  # of all pixels that count
    loss: float  # minus the logarithm of the posterior, but for a constant
    pixels: int
    drawn: object  # the model's pixels there, in units of their noise; an array of JAX's


class Posterior:
    """The posterior of a model, as a function that is compiled once."""

    def __init__(self, model: Model) -> None:
        import jax
        import jax.numpy as jnp

        self.model, self.data = model, model.scene.data
        self.neighbours = overlaps(self.data, model.stamp_sizes)
        data, free = self.data, model.free

        def named(x):
            return {**dict(zip(SHEAR, x[0])), **dict(zip(free, x[1]))}

        def pixels(x):
            return model.images(model.constrain(named(x))) / data.noise_sigma

        def prior(x):
            return -sum(jnp.sum(model.log_prior(k, v)) for k, v in named(x).items())

        def slope(x):
            drawn, back = jax.vjp(pixels, x)
            left = jnp.where(data.masks, drawn - data.images / data.noise_sigma, 0)
            # Summed from small to large, lest single precision lose what a step gains.
            chi2 = jnp.sum(jnp.sum(left**2, axis=-1), axis=-1)
            return jax.tree.map(jnp.add, back(left)[0], jax.grad(prior)(x)), chi2, prior(x), drawn

        def product(x, v):
            change = jax.jvp(pixels, (x,), (v,))[1]
            return jax.vjp(pixels, x)[1](change)[0]

        def bend(x):  # priors are independent: their curvature is a diagonal
            return jax.jvp(jax.grad(prior), (x,), (jax.tree.map(jnp.ones_like, x),))[1]

        self._slope, self._product, self._bend = jax.jit(slope), jax.jit(product), jax.jit(bend)

    def around(self, values: dict) -> Curvature:
        """The curvature at ``values``, with every free site in it."""
        import jax
        import jax.numpy as jnp

        n, free = self.data.n_sources, self.model.free
        z = jax.tree.map(jnp.asarray, self.model.unconstrain(values))
        # Coordinates: shear (2,), sources (k, n).
        at = (jnp.stack([z[k] for k in SHEAR]), jnp.stack([z[k] for k in free]) if free else jnp.zeros((0, n)))
        *numbers, drawn = self._slope(at)
        gradient, chi2, prior = jax.tree.map(lambda a: np.asarray(a, float), tuple(numbers))
        bend = jax.tree.map(lambda a: np.asarray(a, float), self._bend(at))
        corner, coupling, blocks = _matrix(self._product, at, self.neighbours)
        corner = corner + np.diag(bend[0])
        for i in range(n):
            blocks[i, i] = blocks[i, i] + np.diag(bend[1][:, i])
        shear, source, cross, step, steps = invert(corner, coupling, blocks, self.neighbours, gradient)
        moved = {**{k: z[k] + s for k, s in zip(SHEAR, step)}, **{k: z[k] + s for k, s in zip(free, steps.T)}}
        return Curvature(
            shear, source, cross, step, {k: np.asarray(v) for k, v in self.model.constrain(moved).items()},
            np.array([len(o) > 0 for o in self.neighbours]), float(chi2.sum()), float(chi2.sum() / 2 + prior), int(self.data.masks.sum()), drawn,
        )


def overlaps(data, stamp_sizes: list[int]) -> list[set[int]]:
    """For each source those whose stamps overlap its own on any exposure."""
    size = np.asarray(stamp_sizes)[np.asarray(data.source_stamp_tier)]
    corner = np.round(np.asarray(data.pixel_positions)) - (size // 2)[:, None, None]
    seen = np.asarray(data.source_visible)
    out = [set() for _ in size]
    for j in range(data.n_exposures):
        index = np.flatnonzero(seen[:, j])
        index = index[np.argsort(corner[index, j, 1], kind="stable")]
        low = corner[index, j, 1]
        for a, i in enumerate(index):
            for k in index[a + 1 : np.searchsorted(low, low[a] + size[i])]:
                gap = corner[k, j, 0] - corner[i, j, 0]
                if -size[k] < gap < size[i]:
                    out[i].add(int(k))
                    out[k].add(int(i))
    return out


def colours(neighbours: list[set[int]]) -> np.ndarray:
    """A colour for each source; two of one colour overlap neither each other nor a common third."""
    colour = np.full(len(neighbours), -1)
    for i in sorted(range(len(neighbours)), key=lambda i: -len(neighbours[i])):
        taken = {colour[k] for near in neighbours[i] for k in (near, *neighbours[near])} | {colour[near] for near in neighbours[i]}
        colour[i] = next(c for c in range(len(neighbours) + 1) if c not in taken)
    return colour


def _matrix(product, at, neighbours):
    """J' W J: the shear's corner (2, 2), (n, k, 2) and the blocks of pairs that overlap, (k, k) each."""
    import jax.numpy as jnp

    k, n = at[1].shape
    corner, coupling = np.zeros((2, 2)), np.zeros((n, k, 2))
    for a in range(2):
        shear, source = product(at, (jnp.zeros(2).at[a].set(1.0), jnp.zeros((k, n))))
        corner[:, a], coupling[:, :, a] = np.asarray(shear), np.asarray(source).T
    colour = colours(neighbours)
    blocks = {(i, j): np.zeros((k, k)) for i in range(n) for j in (i, *neighbours[i])}
    log.info("curvature: %d sources in %d colours, %d products", n, colour.max(initial=-1) + 1, 2 + k * (colour.max(initial=-1) + 1))
    for c in range(colour.max(initial=-1) + 1):
        chosen = np.flatnonzero(colour == c)
        for b in range(k):
            column = np.asarray(product(at, (jnp.zeros(2), jnp.zeros((k, n)).at[b, chosen].set(1.0)))[1])
            for i in chosen:
                for j in (i, *neighbours[i]):
                    blocks[j, i][:, b] = column[:, j]
    return (corner + corner.T) / 2, coupling, {(i, j): (m + blocks[j, i].T) / 2 for (i, j), m in blocks.items()}


def invert(corner, coupling, blocks, neighbours, gradient):
    """Covariances of the shear and of each source, and Newton's step of both."""
    n, k, _ = coupling.shape
    reduced, slope = corner.copy(), gradient[0].copy()
    source, solved, steps = np.zeros((n, k, k)), np.zeros((n, k, 2)), np.zeros((n, k))
    try:
        for group in groups(neighbours) if k else []:
            place = {i: a for a, i in enumerate(group)}
            a = np.zeros((len(group), k, len(group), k))
            for i in group:
                for j in (i, *neighbours[i]):
                    a[place[i], :, place[j], :] = blocks[i, j]
            inverse = np.linalg.inv(a.reshape(len(group) * k, -1))
            b = coupling[group].reshape(-1, 2)
            x = inverse @ b
            reduced -= b.T @ x
            slope -= x.T @ gradient[1].T[group].reshape(-1)
            solved[group] = x.reshape(len(group), k, 2)
            steps[group] = -(inverse @ gradient[1].T[group].reshape(-1)).reshape(len(group), k)
            tiles = inverse.reshape(len(group), k, len(group), k)
            for i, at in place.items():
                source[i] = tiles[at, :, at, :]
        shear = np.linalg.inv(reduced)
    except np.linalg.LinAlgError as e:
        raise Failure(DIVERGED, "the posterior has no curvature in some direction: a parameter without a prior that no pixel sees") from e
    if not (np.isfinite(shear).all() and (np.diag(shear) > 0).all() and np.isfinite(source).all()):
        raise Failure(DIVERGED, "the posterior's curvature is not positive: the inference did not come near a maximum")
    source = source + solved @ shear @ solved.transpose(0, 2, 1)
    step = -shear @ slope
    return shear, source, -solved @ shear, step, steps - solved @ step


def groups(neighbours: list[set[int]]) -> list[list[int]]:
    """Sources that overlap each other, directly or through others."""
    left, out = set(range(len(neighbours))), []
    while left:
        todo, group = [min(left)], []
        left.discard(todo[0])
        while todo:
            i = todo.pop()
            group.append(i)
            near = neighbours[i] & left
            left -= near
            todo.extend(near)
        out.append(sorted(group))
    return out
