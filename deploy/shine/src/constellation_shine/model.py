"""The scene as a function of its free parameters.

Parameters are SHINE's sample sites that have a prior: ``g1``, ``g2`` and, one
value per source, some of ``flux``, ``hlr``, ``e1``, ``e2``, ``dx``, ``dy``.
Derivatives are taken in unconstrained coordinates z (the logarithm of what is
positive), in which priors are nearly quadratic; rendering is SHINE's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from constellation_shine import render
from constellation_shine.exposures import Scene
from constellation_shine.settings import Settings

SHEAR = ("g1", "g2")
SOURCE = ("flux", "hlr", "e1", "e2", "dx", "dy")


@dataclass(frozen=True)
class Model:
    """SHINE's model of a scene, and what its parameters are."""

    scene: Scene
    pixel_scale: float
    stamp_sizes: list[int]
    priors: dict[str, Any]  # numpyro distributions of the free sites
    fixed: dict[str, float]
    sample: Any  # the model function, for shine.inference.Inference

    @property
    def free(self) -> list[str]:
        """The free sites of a source, in order."""
        return [k for k in SOURCE if k in self.priors]

    def start(self) -> dict[str, Any]:
        """Where inference begins: the catalogue's values, round shapes, no shear."""
        import jax.numpy as jnp

        n, data = self.scene.data.n_sources, self.scene.data
        values = {"g1": 0.0, "g2": 0.0, "flux": data.catalog_flux_adu, "hlr": data.catalog_hlr_arcsec}
        out = {}
        for name, prior in self.priors.items():
            shape = () if name in SHEAR else (n,)
            value = jnp.broadcast_to(jnp.asarray(values.get(name, 0.0), jnp.float32), shape)
            ok = prior.support(value)
            middle = jnp.broadcast_to(prior.mean, shape)  # where the catalogue's value can't be
            out[name] = jnp.where(ok, value, middle)
        return out

    def images(self, values: dict[str, Any]):
        """SHINE's model images, (exposure, y, x), in ADU."""
        from shine.euclid import render_model_images

        return render_model_images({**self.fixed, **values}, self.scene.data, self.pixel_scale, self.stamp_sizes)

    def constrain(self, z: dict[str, Any]) -> dict[str, Any]:
        return {k: self._bijection(k)(v) for k, v in z.items()}

    def unconstrain(self, values: dict[str, Any]) -> dict[str, Any]:
        return {k: self._bijection(k).inv(values[k]) for k in self.priors}

    def _bijection(self, name: str):
        from numpyro.distributions import biject_to

        return biject_to(self.priors[name].support)

    def log_prior(self, name: str, z):
        """Log density of one site's values, element by element."""
        return self.priors[name].log_prob(self._bijection(name)(z))


def build(scene: Scene, settings: Settings) -> Model:
    """Ask SHINE for the model and for its priors."""
    from shine.euclid import MultiExposureScene

    render.in_batches(settings.adapter.batch)
    priors, fixed = _priors(scene, settings.shine.gal)
    return Model(
        scene=scene, pixel_scale=settings.shine.data.pixel_scale, stamp_sizes=settings.shine.galaxy_stamp_sizes,
        priors=priors, fixed=fixed, sample=MultiExposureScene(settings.shine, scene.data).build_model(),
    )


def _priors(scene: Scene, gal) -> tuple[dict[str, Any], dict[str, float]]:
    """The sites that SHINE samples, without rendering: its own parser, traced."""
    import jax
    import jax.numpy as jnp
    from numpyro import handlers
    from shine.prior_utils import parse_prior

    configured = {"g1": gal.shear.g1, "g2": gal.shear.g2, "flux": gal.flux, "hlr": gal.half_light_radius}
    if gal.ellipticity is not None:
        configured |= {"e1": gal.ellipticity.e1, "e2": gal.ellipticity.e2}
    if gal.position is not None and gal.position.type == "Offset":
        configured |= {"dx": gal.position.dx, "dy": gal.position.dy}
    centres = {"flux": scene.data.catalog_flux_adu, "hlr": scene.data.catalog_hlr_arcsec}
    values = {}
    with handlers.seed(rng_seed=0), handlers.trace() as trace:
        for name, config in configured.items():
            values[name] = parse_prior(name, config, catalog_values=centres.get(name))
    priors = {name: site["fn"] for name, site in trace.items()}
    zero = jnp.zeros(scene.data.n_sources)
    fixed = {name: zero + values.get(name, 0.0) for name in SOURCE if name not in priors}
    return priors, jax.tree.map(np.asarray, fixed)
