"""SHINE's inference, and from what it found to numbers with errors."""

import logging
from dataclasses import dataclass, field, replace

import numpy as np

from constellation_shine import laplace
from constellation_shine.descend import Checkpoint, descend
from constellation_shine.failure import DIVERGED, Failure
from constellation_shine.model import SHEAR, SOURCE, Model
from constellation_shine.settings import Adapter, Settings

log = logging.getLogger(__name__)
LOSS_NOISE = 1e-6  # relative: what single precision leaves of a loss


@dataclass(frozen=True)
class Estimate:
    """What was found. Errors are NaN where the method gives none.

    Shapes here are of the kind |g| = (a-b)/(a+b), as observed: with the shear.
    """

    method: str
    shear: np.ndarray  # (2,)
    shear_err: np.ndarray
    shear_cov: float  # covariance of g1 and g2
    convergence: float
    source: dict[str, np.ndarray]  # flux (ADU), hlr (arcsec), e1, e2, dx, dy (arcsec, SHINE's)
    source_err: dict[str, np.ndarray]
    blended: np.ndarray
    losses: np.ndarray | None = None  # of every step
    drawn: object = None  # the model's images (exposure, y, x) there, in ADU; an array of JAX's
    extra: dict = field(default_factory=dict)  # for summary.json


def run(model: Model, settings: Settings) -> Estimate:
    """Infer by the configured method."""
    import jax

    engine, config = _engine(model, settings.shine.inference), settings.shine.inference
    key = jax.random.PRNGKey(config.rng_seed)
    images, start = model.scene.data.images, model.start()
    if config.method == "nuts":
        return _nuts(engine, config, key, images, start, model)
    idata = engine.run(key, images, init_params=start)
    samples = _samples(idata, model)
    values = {k: v.mean(axis=(0, 1)) for k, v in samples.items()}
    convergence = drift(engine.losses) if config.method == "vi" else np.nan
    extra = {}
    if config.method == "vi":
        extra = {"vi_loss": float(idata.posterior.attrs["vi_final_loss"]),
                 "vi_g_sd": [float(samples[k].std()) for k in SHEAR]}
    return replace(_point(model, values, config.method, convergence, extra, settings.adapter), losses=engine.losses)


def _engine(model: Model, config):
    """SHINE's ``Inference``, whose steps are taken one by one (see :mod:`.descend`).

    Its variational method starts from the catalogue here: SHINE's own begins
    with random shapes, of which with many sources one is always beyond
    |e| = 1, where nothing can be drawn; MAP and NUTS take a start as SHINE has them.
    """
    import arviz as az
    import jax
    import numpyro
    from numpyro.infer import SVI, Trace_ELBO
    from numpyro.infer.autoguide import AutoDelta, AutoNormal
    from shine.config import MAPConfig, VIConfig
    from shine.inference import Inference

    def belongs(method, steps):
        return Checkpoint(method, str(steps), config.model_dump_json(), repr(sorted(model.priors)), repr(model.scene.ids.tolist()))

    class Stepwise(Inference):
        losses = None

        def run_map(self, rng_key, observed_data, extra_args=None, map_config=None, init_params=None):
            config = map_config or MAPConfig()
            guide = AutoDelta(self.model, init_loc_fn=numpyro.infer.init_to_value(values=model.start() if init_params is None else init_params))
            svi = SVI(self.model, guide, numpyro.optim.Adam(step_size=config.learning_rate), Trace_ELBO())
            params, self.losses = descend(svi, rng_key, config.num_steps, observed_data, belongs("map", config.num_steps))
            return guide.median(params)

        def run_vi(self, rng_key, observed_data, extra_args=None):
            vi = self.config.vi_config or VIConfig()
            guide = AutoNormal(self.model, init_loc_fn=numpyro.infer.init_to_value(values=model.start()), init_scale=0.01)
            svi = SVI(self.model, guide, numpyro.optim.Adam(step_size=vi.learning_rate), Trace_ELBO())
            params, self.losses = descend(svi, rng_key, vi.num_steps, observed_data, belongs("vi", vi.num_steps))
            # From the guide's own posterior: the model need not be drawn for it.
            posterior = guide.sample_posterior(jax.random.split(rng_key)[0], params, sample_shape=(vi.num_samples,))
            idata = az.from_dict(posterior={k: np.asarray(v)[None] for k, v in posterior.items()})
            idata.posterior.attrs.update(inference_method="vi", vi_final_loss=float(self.losses[-1]))
            return idata

    return Stepwise(model.sample, config)


def _nuts(engine, config, key, images, start, model: Model) -> Estimate:
    """NUTS from the catalogue's values, or from the MAP that starts there."""
    import jax
    from shine.config import NUTSConfig

    nuts = config.nuts_config or NUTSConfig()
    if nuts.map_init is not None and nuts.map_init.enabled:
        map_key, key = jax.random.split(key)
        start = engine.run_map(map_key, images, map_config=nuts.map_init, init_params=start)
    idata = engine.run_mcmc(key, images, init_params=start)
    samples = _samples(idata, model)
    observed = np.stack(observe(samples["g1"][..., None], samples["g2"][..., None], *(_or_zero(samples, model, k) for k in ("e1", "e2"))))
    kept = {**samples, "e1": observed[0], "e2": observed[1]}
    value = {k: kept[k].mean(axis=(0, 1)) if k in kept else _fixed(model, k) for k in SOURCE}
    error = {k: kept[k].std(axis=(0, 1)) if k in kept else np.full(len(model.scene.ids), np.nan) for k in SOURCE}
    g = np.stack([samples[k] for k in SHEAR])
    flat = g.reshape(2, -1)
    divergences = int(idata.sample_stats["diverging"].sum()) if "diverging" in getattr(idata, "sample_stats", {}) else 0
    rhat = max(split_rhat(c) for c in g)
    mean = {k: v.mean(axis=(0, 1)) for k, v in samples.items()}
    return Estimate(
        method="nuts", shear=flat.mean(axis=1), shear_err=flat.std(axis=1), shear_cov=float(np.cov(flat)[0, 1]),
        convergence=rhat - 1, source=value, source_err=error,
        blended=np.array([len(o) > 0 for o in laplace.overlaps(model.scene.data, model.stamp_sizes)]),
        losses=engine.losses, drawn=jax.jit(model.images)({k: np.float32(v) for k, v in mean.items()}),
        extra={"rhat": rhat, "divergences": divergences, "chains": nuts.chains, "samples": nuts.samples},
    )


def _point(model: Model, values: dict, method: str, convergence: float, extra: dict, adapter: Adapter) -> Estimate:
    """A point, with errors from the posterior's curvature there.

    The variational posterior has no correlation between the shear and the
    shapes, and so its own width is not the shear's error (it is in the summary).
    """
    n = len(model.scene.ids)
    if adapter.laplace:
        values, c, polished = polish(laplace.Posterior(model), values, adapter.newton_steps if method == "map" else 0)
    observed = dict(zip(("e1", "e2"), observe(values["g1"], values["g2"], *(_or_zero(values, model, k) for k in ("e1", "e2")))))
    value = {k: np.broadcast_to(observed[k] if k in observed else values[k] if k in values else _fixed(model, k), (n,)) for k in SOURCE}
    shear = np.array([float(values[k]) for k in SHEAR])
    if not adapter.laplace:
        nan = np.full(n, np.nan)
        return Estimate(method, shear, np.full(2, np.nan), np.nan, convergence, value, dict.fromkeys(SOURCE, nan), np.zeros(n, bool), extra=extra)
    sd = np.sqrt(np.diag(c.shear))
    steps = np.abs(c.step) / sd
    if method == "map":
        convergence = float(steps.max())
        extra = {**extra, "newton_steps": polished}
    extra = {**extra, "loss": c.loss, "chi2_per_pixel": c.chi2 / c.pixels, "pixels": c.pixels, "shear_steps_left": steps.tolist()}
    return Estimate(method, shear, sd, float(c.shear[0, 1]), convergence, value, _errors(model, values, c, value), c.blended,
                    drawn=c.drawn * model.scene.data.noise_sigma, extra=extra)


def polish(posterior: laplace.Posterior, values: dict, limit: int, enough: float = 0.02):
    """Finish a MAP with Newton's steps; returns values, the curvature there and how many steps were taken.

    A shear and a change of all shapes look alike in the pixels; only the
    priors, a thousandth of the curvature, tell them apart. Adam creeps along
    that valley: after hundreds of steps the shear is still a standard error
    short. The curvature, which the errors need anyway, shows the way down. A
    step that does not lower the loss is not taken, nor one after the shear is
    within ``enough`` standard errors.
    """
    c, taken = posterior.around(values), 0
    while taken < limit and np.abs(c.step / np.sqrt(np.diag(c.shear))).max() > enough:
        if not all(np.isfinite(v).all() for v in c.moved.values()):
            break
        after = posterior.around(c.moved)
        if not after.loss <= c.loss + LOSS_NOISE * abs(c.loss):
            break
        log.info("newton step %d: loss %.2f, g = (%+.5f, %+.5f)", taken + 1, after.loss, c.moved["g1"], c.moved["g2"])
        values, c, taken = c.moved, after, taken + 1
    return values, c, taken


def _errors(model: Model, values: dict, c: laplace.Curvature, value: dict) -> dict[str, np.ndarray]:
    """Standard errors of the sources' numbers, from covariances in z."""
    n, free = len(model.scene.ids), model.free
    out = {k: np.full(n, np.nan) for k in SOURCE}
    z = model.unconstrain(values)
    for a, k in enumerate(free):
        rate = np.asarray((model.constrain({k: z[k] + 1e-3})[k] - model.constrain({k: z[k] - 1e-3})[k]) / 2e-3)
        out[k] = np.abs(rate) * np.sqrt(c.source[:, a, a])
    # Observed shapes depend on e and g, which are strongly correlated.
    at = [np.broadcast_to(np.asarray(x, float), (n,)) for x in (values["g1"], values["g2"], *(_or_zero(values, model, k) for k in ("e1", "e2")))]
    names = ("g1", "g2", "e1", "e2")
    joint = np.zeros((n, 4, 4))
    joint[:, :2, :2] = c.shear
    for a, p in enumerate(names):
        for b, q in enumerate(names):
            if p in free and q in free:
                joint[:, a, b] = c.source[:, free.index(p), free.index(q)]
            elif p in free and q in SHEAR:
                joint[:, a, b] = joint[:, b, a] = c.cross[:, free.index(p), b]
    rows = np.zeros((2, 4, n))
    for a in range(4):
        up, down = ([x + s * (i == a) for i, x in enumerate(at)] for s in (1e-4, -1e-4))
        rows[:, a] = (np.stack(observe(*up)) - np.stack(observe(*down))) / 2e-4
    variance = np.einsum("can,nab,cbn->cn", rows, joint, rows)
    out["e1"], out["e2"] = np.sqrt(np.maximum(variance, 0))
    return out


def observe(g1, g2, e1, e2):
    """The observed shape of a galaxy, |g| kind: its intrinsic shape with the shear on it.

    ``e1``, ``e2`` are SHINE's: GalSim's distortion, |e| = (a^2-b^2)/(a^2+b^2).
    """
    e, g = np.asarray(e1) + 1j * np.asarray(e2), np.asarray(g1) + 1j * np.asarray(g2)
    intrinsic = e / (1 + np.sqrt(np.maximum(1 - np.abs(e) ** 2, 0)))
    seen = (intrinsic + g) / (1 + np.conj(g) * intrinsic)
    return seen.real, seen.imag


def drift(losses: np.ndarray) -> float:
    """How far the loss still fell between the last two tenths of the steps, in its own scatter."""
    tenth = max(len(losses) // 10, 1)
    before, last = losses[-2 * tenth : -tenth], losses[-tenth:]
    if not len(before):
        return np.nan
    return float(abs(before.mean() - last.mean()) / max(last.std(), 1e-12 * abs(last.mean()), 1e-300))


def split_rhat(chains: np.ndarray) -> float:
    """Gelman and Rubin's R-hat (1992) of (chain, draw), each chain split in halves."""
    half = chains.shape[1] // 2
    parts = np.concatenate([chains[:, :half], chains[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean()
    between = parts.mean(axis=1).var(ddof=1)
    return float(np.sqrt((half - 1) / half + between / within)) if within > 0 else np.inf


def _samples(idata, model: Model) -> dict[str, np.ndarray]:
    """(chain, draw) of the shear and (chain, draw, source) of the others; finite, or a failure."""
    out = {}
    for name in model.priors:
        v = np.asarray(idata.posterior[name].values, float)
        if not np.isfinite(v).all():
            raise Failure(DIVERGED, f"the inference gave {name} that is not finite: lower the learning rate or narrow the priors")
        out[name] = v.reshape(v.shape[:2]) if name in SHEAR else v.reshape(*v.shape[:2], -1)
    return out


def _fixed(model: Model, name: str) -> np.ndarray:
    return np.asarray(model.fixed[name], float)


def _or_zero(values: dict, model: Model, name: str) -> np.ndarray:
    return np.asarray(values[name], float) if name in values else _fixed(model, name)
