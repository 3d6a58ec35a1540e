"""From a sub-tile's quadrants to SHINE's ``ExposureSet``.

SHINE's own loader knows one quadrant and one PSF for all exposures. Here
every quadrant comes with its own WCS, PSF grid, background and zero point.

Quadrants of one exposure don't overlap on the sky, so a source is on at most
one of them: they are stacked into one tall image per exposure. SHINE renders
every source on every exposure, visible or not; stacking makes that 4 renders a
source for 4 dithers instead of 61 for as many quadrants.

Flux: every quadrant is scaled to the ADU of the first one, by its own MAGZEROP
and EXPTIME, so that one flux per source holds for all.
"""

import logging
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.table import Table

from constellation_shine import frame, psf
from constellation_shine.failure import BAD_DATA, NO_INPUT, Failure
from constellation_shine.manifest import Manifest, Quadrant
from constellation_shine.settings import Settings

log = logging.getLogger(__name__)
MASKED = 1e10  # SHINE's noise of a pixel that doesn't count
REQUIRED = ("object_id", "right_ascension", "declination", "flux_detection_total", "fluxerr_detection_total")


@dataclass(frozen=True)
class Scene:
    """What is inferred: SHINE's data, and what the results need beside it."""

    data: object  # shine.euclid.ExposureSet; source order is that of the arrays here
    ids: np.ndarray
    position: np.ndarray  # (n, 2) RA, Dec of the catalogue
    core: np.ndarray  # (n,) reported or not
    adu: float  # ADU per uJy
    axes: np.ndarray  # (n, 2, 2): (u, v) in arcsec of an offset (dx, dy), mean over its exposures
    quadrants: int  # that hold a source


class NothingToDo(Exception):
    """There is nothing to measure: a status of the results, and why."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class _Loaded:
    """A quadrant's pixels, turned, and where the sources are on it."""

    image: np.ndarray
    sigma: np.ndarray
    flags: np.ndarray
    background: float
    corners: np.ndarray  # (4, 2) RA, Dec
    seen: np.ndarray  # indices of the sources whose stamps it holds
    xy: np.ndarray  # (len(seen), 2) turned pixels
    jacobian: np.ndarray  # (len(seen), 2, 2) of turned pixels
    stamps: np.ndarray  # (len(seen), SIDE, SIDE)


def build(manifest: Manifest, settings: Settings) -> Scene:
    """Read the sub-tile. Raises :class:`NothingToDo` where that leaves nothing."""
    from shine.euclid import EuclidDataLoader

    if not manifest.quadrants:
        raise NothingToDo("no_exposures", "no exposure covers the sub-tile")
    if not manifest.core:
        raise NothingToDo("no_sources", "the catalogue has no source in the sub-tile's core")
    loader = EuclidDataLoader(settings.shine)
    table = select(loader, catalog(manifest), manifest)
    if not any(int(i) in manifest.core for i in table["object_id"]):
        raise NothingToDo("no_sources", "SHINE's selection leaves no source in the sub-tile's core")

    first = _read(manifest.quadrants[0])
    # SHINE's rules for sizes, stamp tiers and the priors' centres; positions are made below.
    meta = loader._compute_source_metadata(table, [first], _psf_model(manifest.quadrants[0], first.sci.shape))
    stamps = np.array(settings.shine.galaxy_stamp_sizes)[meta["stamp_tier"]]
    unit = adu_per_ujy(first)

    loaded: dict[tuple, list[_Loaded]] = {}
    for q in manifest.quadrants:
        if got := _load(q, settings, meta, stamps, unit):
            loaded.setdefault(q.exposure, []).append(got)
    if not loaded:
        raise NothingToDo("no_exposures", "no quadrant holds a selected source's whole stamp")
    return _stack(manifest, settings, meta, unit, [loaded[k] for k in sorted(loaded)])


def catalog(manifest: Manifest) -> Table:
    """The sources of catalog.fits that the manifest names, in the order of their ids."""
    try:
        table = Table.read(manifest.catalog, hdu=1)
    except OSError as e:
        raise Failure(BAD_DATA if manifest.catalog.exists() else NO_INPUT, f"read the catalogue {manifest.catalog.name}: {e}") from e
    if missing := [c for c in REQUIRED if c not in table.colnames]:
        raise Failure(BAD_DATA, f"{manifest.catalog.name} has no column {missing[0]} (SHINE reads lower-case names)")
    ids = np.asarray(table["object_id"], dtype=np.int64)
    keep = np.isin(ids, np.fromiter(manifest.sources, np.int64, len(manifest.sources)))
    table = table[keep][np.argsort(ids[keep], kind="stable")]
    ids = np.asarray(table["object_id"], dtype=np.int64)
    if absent := manifest.sources - set(ids.tolist()):
        raise Failure(BAD_DATA, f"{manifest.catalog.name} lacks source {min(absent)} of the manifest")
    if len(ids) != len(manifest.sources):
        raise Failure(BAD_DATA, f"{manifest.catalog.name} lists source {ids[:-1][ids[1:] == ids[:-1]][0]} twice")
    return table


def select(loader, table: Table, manifest: Manifest) -> Table:
    """SHINE's selection. Masked flags count as not set, as SHINE's comparisons take them."""
    for name in table.colnames:
        column = table[name]
        if hasattr(column, "filled") and column.dtype.kind in "iub":
            table[name] = column.filled(0)
        elif hasattr(column, "filled") and column.dtype.kind == "f":
            table[name] = column.filled(np.nan)
    chosen = loader._select_sources(table)
    log.info("selected %d of %d sources, %d of them core", len(chosen), len(table),
             sum(int(i) in manifest.core for i in chosen["object_id"]))
    return chosen


def adu_per_ujy(exposure) -> float:
    """m_AB = -2.5 log10(ADU) + MAGZEROP + 2.5 log10(EXPTIME) = 23.9 - 2.5 log10(uJy)."""
    return exposure.exptime * 10 ** (0.4 * (exposure.magzeropoint - 23.9))


def _read(q: Quadrant):
    """SHINE's exposure of a quadrant; its defaults for missing keywords are not ours."""
    try:
        header = fits.getheader(q.sci, f"{q.name}.SCI")
        for key in ("MAGZEROP", "EXPTIME", "CTYPE1", "CD1_1"):
            if key not in header:
                raise Failure(BAD_DATA, f"quadrant {q}: keyword {key} is missing")
        from shine.euclid import EuclidExposure

        return EuclidExposure(str(q.sci), q.name)
    except FileNotFoundError as e:
        raise Failure(NO_INPUT, f"quadrant {q}: {e}") from e
    except (OSError, KeyError, ValueError, TypeError) as e:
        raise Failure(BAD_DATA, f"quadrant {q}: {e}") from e


def _plane(path, q: Quadrant, what: str) -> np.ndarray:
    try:
        return fits.getdata(path, q.name).astype(np.float32)
    except FileNotFoundError as e:
        raise Failure(NO_INPUT, f"{what} of quadrant {q}: {e}") from e
    except (OSError, KeyError, ValueError) as e:
        raise Failure(BAD_DATA, f"{what} of quadrant {q}: {e}") from e


def _psf_model(q: Quadrant, shape: tuple[int, int]):
    from shine.euclid import EuclidPSFModel

    data = _plane(q.psf, q, "PSF")
    if data.shape != (9 * psf.STAMP, 9 * psf.STAMP):
        raise Failure(BAD_DATA, f"PSF of quadrant {q}: {data.shape} pixels, not 9 x 9 stamps of {psf.STAMP} x {psf.STAMP}")
    return EuclidPSFModel(data, stamp_size=psf.STAMP, quad_nx=shape[1], quad_ny=shape[0])


def _load(q: Quadrant, settings: Settings, meta: dict, sizes: np.ndarray, unit: float) -> _Loaded | None:
    """A quadrant, or nothing if it holds no source's stamp (``sizes``: pixels a side)."""
    exposure = _read(q)
    ny, nx = exposure.sci.shape
    x, y = exposure.wcs.wcs_world2pix(meta["ra"], meta["dec"], 0)
    # SHINE's rule, and the same from the other side: the quadrant may be turned.
    half = sizes // 2
    inside = (x >= half) & (x <= nx - 1 - half) & (y >= half) & (y <= ny - 1 - half)
    seen = np.flatnonzero(inside)
    if not len(seen):
        return None
    background = None
    if settings.shine.background == "fixed":
        background = _plane(q.bkg, q, "background")
        if background.shape != (ny, nx):
            raise Failure(BAD_DATA, f"background of quadrant {q}: {background.shape} pixels, the image has {(ny, nx)}")
    image, sigma, mask = exposure.prepare_image_data(settings.shine.data.bad_pixel_mask, background)
    bad = ~(mask & np.isfinite(image) & np.isfinite(sigma) & (sigma > 0))
    scale = unit / adu_per_ujy(exposure)
    image, sigma = np.where(bad, 0, image * scale), np.where(bad, MASKED, sigma * scale)

    xy, local = np.stack([x[seen], y[seen]], axis=1), frame.jacobians(exposure.wcs, x[seen], y[seen])
    turn = frame.turn_for(local.mean(axis=0))
    # The corner of SHINE's stamp is found in single precision.
    turned = frame.turn_position(xy, turn, (ny, nx)).astype(np.float32)
    # A stamp of even size is centred half a pixel before the position's pixel.
    shift = (turned - np.round(turned) + (sizes[seen, None] % 2 == 0) / 2) @ turn  # in the PSF's own pixels
    grid = psf.Grid(_psf_model(q, (ny, nx)), settings.adapter.psf_includes_pixel, settings.adapter.psf_wings)
    corner = np.array([[0, 0], [nx - 1, 0], [nx - 1, ny - 1], [0, ny - 1]], float)
    return _Loaded(
        image=frame.turn_image(image, turn), sigma=frame.turn_image(sigma, turn), flags=frame.turn_image(exposure.flags, turn),
        background=float(np.median(exposure.sci - image / scale)) if background is None else float(np.median(background)),
        corners=np.stack(exposure.wcs.wcs_pix2world(corner[:, 0], corner[:, 1], 0), axis=1),
        seen=seen, xy=turned, jacobian=local @ turn.T,
        stamps=np.array([grid.at(p, j, s, settings.shine.data.pixel_scale) for p, j, s in zip(xy, local, shift)]),
    )


def _stack(manifest: Manifest, settings: Settings, meta: dict, unit: float, exposures: list[list[_Loaded]]) -> Scene:
    """Stack each exposure's quadrants; drop sources that no quadrant holds."""
    import jax.numpy as jnp
    from shine.euclid import ExposureSet

    everything = [q for group in exposures for q in group]
    visible = np.zeros(len(meta["source_ids"]), bool)
    for q in everything:
        visible[q.seen] = True
    keep = np.flatnonzero(visible)
    ids = np.array([int(meta["source_ids"][i]) for i in keep], np.int64)
    core = np.array([int(i) in manifest.core for i in ids])
    if not core.any():
        raise NothingToDo("no_sources", "no quadrant holds the whole stamp of a selected core source")

    n, m, slots = len(keep), len(exposures), max(map(len, exposures))
    ny, nx = (max(q.image.shape[a] for q in everything) for a in (0, 1))
    images = np.zeros((m, slots * ny, nx), np.float32)
    sigma = np.full(images.shape, MASKED, np.float32)
    flags = np.zeros(images.shape, np.int32)
    positions, jacobians = np.zeros((n, m, 2), np.float32), np.zeros((n, m, 2, 2))
    stamps, seen = np.zeros((n, m, psf.SIDE, psf.SIDE), np.float32), np.zeros((n, m), bool)
    index = np.cumsum(visible) - 1
    for j, group in enumerate(exposures):
        for slot, q in enumerate(group):
            h, w = q.image.shape
            at = np.s_[j, slot * ny : slot * ny + h, :w]
            images[at], sigma[at], flags[at] = q.image, q.sigma, q.flags
            fresh = ~seen[index[q.seen], j]
            i = index[q.seen[fresh]]
            seen[i, j], stamps[i, j], jacobians[i, j] = True, q.stamps[fresh], q.jacobian[fresh]
            positions[i, j] = q.xy[fresh] + np.array([0, slot * ny], np.float32)
    log.info("exposure set: %d exposures of up to %d quadrants, %d sources, %d stamps, %.0f MB of pixels",
             m, slots, n, seen.sum(), (images.nbytes + sigma.nbytes) / 1e6)

    axes = np.einsum("nmij,nm->nij", jacobians, seen) / seen.sum(axis=1)[:, None, None] / settings.shine.data.pixel_scale
    data = ExposureSet(
        images=jnp.asarray(images), noise_sigma=jnp.asarray(sigma), masks=jnp.asarray(sigma < MASKED), flag_maps=flags,
        backgrounds=jnp.asarray([np.mean([q.background for q in g]) for g in exposures]),
        pixel_positions=jnp.asarray(positions), wcs_jacobians=jnp.asarray(jacobians.reshape(n, m, 4)),
        psf_images=jnp.asarray(stamps), source_visible=jnp.asarray(seen),
        catalog_flux_adu=jnp.asarray(meta["flux_adu"][keep]), catalog_hlr_arcsec=jnp.asarray(meta["hlr_arcsec"][keep]),
        catalog_ra=meta["ra"][keep], catalog_dec=meta["dec"][keep], source_stamp_tier=jnp.asarray(meta["stamp_tier"][keep]),
        exposure_corners_sky=np.array([g[0].corners for g in exposures]), source_ids=ids.tolist(),
        n_exposures=m, n_sources=n, image_ny=images.shape[1], image_nx=nx,
    )
    return Scene(data=data, ids=ids, position=np.stack([meta["ra"][keep], meta["dec"][keep]], axis=1),
                 core=core, adu=unit, axes=axes, quadrants=len(everything))
