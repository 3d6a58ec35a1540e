"""The adapter on the real SHINE, on the CPU.

GalSim draws the pixels (an independent renderer of SHINE's model: the pixel
is in the PSF here, as in the product), through quadrants that are turned,
distorted and of different zero points. SHINE must draw the same.
"""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.wcs import WCS
from constellation_shine import cli, exposures, frame, manifest, model, settings
from subtile import CENTRE, make, source, tpv

pytestmark = pytest.mark.shine

G = (0.05, -0.04)
# east and north in arcsec; uJy; half-light radius in arcsec; SHINE's e1, e2; dx, dy in arcsec along u, v
TRUTH = [
    (-2.03, 4.11, 20.0, 0.30, 0.30, 0.10, 0.02, -0.01),
    (3.57, -1.72, 15.0, 0.25, -0.30, -0.10, -0.03, 0.00),
    (-8.31, -3.35, 30.0, 0.35, 0.10, -0.30, 0.00, 0.02),
]


def place(dra, ddec):
    return CENTRE[0] + dra / 3600 / np.cos(np.radians(CENTRE[1])), CENTRE[1] + ddec / 3600


def draw(header, nx, ny, g=G):
    galsim = pytest.importorskip("galsim")
    wcs, image = WCS(header), galsim.ImageF(nx, ny)
    factor = exposures.adu_per_ujy(type("E", (), {"exptime": header["EXPTIME"], "magzeropoint": float(header["MAGZEROP"])}))
    for east, north, flux, hlr, e1, e2, dx, dy in TRUTH:
        ra, dec = place(east, north)
        x, y = (float(v) for v in wcs.wcs_world2pix(ra, dec, 0))
        (a, b), (c, d) = frame.jacobians(wcs, np.array([x]), np.array([y]))[0]
        local = galsim.JacobianWCS(a, b, c, d)
        psf = local.toWorld(galsim.Gaussian(sigma=0.8))  # round in pixels, as its stamps
        profile = galsim.Exponential(flux=flux * factor, half_light_radius=hlr).shear(e1=e1, e2=e2).shear(g1=g[0], g2=g[1]).shift(dx, dy)
        stamp = galsim.Convolve(profile, psf).drawImage(nx=nx, ny=ny, wcs=local, method="no_pixel",
                                                        offset=(x - (nx - 1) / 2, y - (ny - 1) / 2))
        image.array[:] += stamp.array
    return image.array


def headers():
    """An exposure of two quadrants, one of them upside down, and a shallower one turned against both."""
    yield "3-4.F", ("002704", "00", "1"), tpv(270, 260, 20)
    yield "3-4.H", ("002704", "00", "1"), tpv(270, 260, 200, *place(60, 0))  # holds no source
    yield "1-1.E", ("002704", "01", "1"), tpv(260, 270, 202, *place(1, 2), exptime=90.0, zero=24.3)


@pytest.fixture(scope="module")
def subtile(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shine") / "subtile"
    listed = [source(i, *place(*t[:2]), flux=t[2], axis=10 * t[3]) for i, t in enumerate(TRUTH)]
    listed.append(source(90, *place(5, 8), point_like_flag=np.int16(1)))  # SHINE leaves stars out
    listed.append(source(91, *place(-5, 8), flux=np.float32("nan")))
    shapes = {"3-4.F": (270, 260), "3-4.H": (270, 260), "1-1.E": (260, 270)}
    return make(directory, [(n, e, h, draw(h, *shapes[n])) for n, e, h in headers()], listed,
                core=[-(10**17), -(10**17) - 1, -(10**17) - 90])


def scene(path, text="inference: {method: map}", **more):
    config = path.parent / "config.yaml"
    config.write_text(text)
    m = manifest.load(path)
    s = settings.load(config, m)
    s.shine.galaxy_stamp_sizes = [64, 128]
    return s, exposures.build(m, s)


def truth(scene, config):
    t = np.array(TRUTH)[np.argsort([-(10**17) - i for i in range(len(TRUTH))])]
    offset = np.einsum("nij,nj->ni", np.linalg.inv(scene.axes), t[:, 6:8])
    return {"g1": G[0], "g2": G[1], "flux": t[:, 2] * scene.adu, "hlr": t[:, 3], "e1": t[:, 4], "e2": t[:, 5], "dx": offset[:, 0], "dy": offset[:, 1]}


def test_exposure_set(subtile):
    _, got = scene(subtile)
    assert got.ids.tolist() == [-(10**17) - i for i in (2, 1, 0)] and got.core.tolist() == [False, True, True]
    d = got.data
    assert (d.n_exposures, d.n_sources, got.quadrants) == (2, 3, 2)  # the empty quadrant is left out
    assert np.asarray(d.source_visible).all() and d.images.shape == (2, 270, 270)
    assert np.asarray(d.catalog_flux_adu) == pytest.approx([t[2] * got.adu for t in TRUTH[::-1]], rel=1e-6)
    # One flux holds for both: the shallow exposure is brought to the first one's zero point.
    total = [np.asarray(d.images[j]).sum() for j in range(2)]
    assert total == pytest.approx([sum(t[2] for t in TRUTH) * got.adu] * 2, rel=0.01)
    # Both are turned alike, so that one offset per source means the same on both.
    j = np.asarray(d.wcs_jacobians)
    assert np.abs(j[:, 0] - j[:, 1]).max() < 0.01 and (j[:, :, 0] > 0.08).all()


def test_shine_draws_what_galsim_draws(subtile):
    s, got = scene(subtile)
    m = model.build(got, s)
    images = np.asarray(m.images({k: np.asarray(v, np.float32) for k, v in truth(got, s).items()}))
    rest, peak = np.asarray(got.data.images) - images, np.asarray(got.data.images).max(axis=(1, 2), keepdims=True)
    assert np.abs(rest / peak).max() < 0.01


def test_batches_draw_the_same(subtile):
    """Images and derivatives, with batches that leave a rest, that hold one source, and as SHINE draws."""
    import jax
    import jax.numpy as jnp

    from constellation_shine import render

    s, got = scene(subtile)
    m = model.build(got, s)
    values = {k: jnp.asarray(v, jnp.float32) for k, v in truth(got, s).items()}

    def loss(values):
        return jnp.sum(((m.images(values) - got.data.images) / got.data.noise_sigma) ** 2)

    drawn = {}
    for batch in (0, 2, 1):
        render.in_batches(batch)
        # A new function each time: JAX would not trace the old one again.
        drawn[batch] = jax.jit(jax.value_and_grad(lambda v, _batch=batch: loss(v)))(values)
    for batch in (2, 1):
        assert float(drawn[batch][0]) == pytest.approx(float(drawn[0][0]), rel=1e-4)
        for k, v in drawn[0][1].items():
            scale = float(np.abs(v).max())
            assert np.asarray(drawn[batch][1][k]) == pytest.approx(np.asarray(v), abs=1e-3 * scale), k


@pytest.mark.parametrize("method, text", [
    ("map", "map_config: {num_steps: 250, learning_rate: 0.01}"),
    ("vi", "vi_config: {num_steps: 250, learning_rate: 0.01, num_samples: 50}"),
    ("nuts", "nuts_config: {warmup: 2, samples: 4, map_init: {enabled: true, num_steps: 40, learning_rate: 0.02}}"),
])
def test_command(subtile, tmp_path, method, text):
    """The whole command; pixels have no noise here, so the truth is found within a fraction of the errors."""
    config = tmp_path / "inference.yaml"
    config.write_text(f"inference:\n  method: {method}\n  {text}\n  galaxy_stamp_sizes: [64, 128]\n"
                      "  sources: {min_snr: 20}\n")
    assert cli.main(["--manifest", str(subtile), "--config", str(config), "--output", str(tmp_path / "out")]) == 0
    shear = pq.read_table(tmp_path / "out/shear.parquet").to_pylist()[0]
    sources = {r["OBJECT_ID"]: r for r in pq.read_table(tmp_path / "out/sources.parquet").to_pylist()}
    assert (shear["METHOD"], shear["STATUS"], shear["N_SOURCES"]) == (method, "ok", 2)
    assert sorted(sources) == [-(10**17) - 1, -(10**17)]
    assert json.loads((tmp_path / "out/summary.json").read_text())["n_exposures"] == 2
    steps = json.loads((tmp_path / "out/diagnostics/convergence.json").read_text())["steps"] if method != "nuts" else [40]
    assert steps[-1] == {"map": 250, "vi": 250, "nuts": 40}[method]
    assert len(json.loads((tmp_path / "out/diagnostics/panels.json").read_text())) == 2
    if method == "nuts":
        return  # so few draws say that it runs, not what it finds
    # Three shapes don't average to zero: the shear is known as well as their prior lets it.
    assert 0.03 < shear["G1_ERR"] < 0.06 and abs(shear["G1"] - G[0]) < 3 * shear["G1_ERR"]
    galsim = pytest.importorskip("galsim")
    loose = 1 if method == "map" else 5  # 250 steps and 50 draws of VI are near, not there
    for i in range(2):
        east, north, flux, hlr, e1, e2, dx, dy = TRUTH[i]
        seen, got = galsim.Shear(g1=G[0], g2=G[1]) + galsim.Shear(e1=e1, e2=e2), sources[-(10**17) - i]
        assert (got["E1"], got["E2"]) == pytest.approx((seen.g1, seen.g2), abs=0.01 * loose)
        assert (got["DX"], got["DY"]) == pytest.approx((dx, dy), abs=0.004 * loose)
        assert got["FLUX"] == pytest.approx(flux, rel=0.02 * loose) and got["HLR"] == pytest.approx(hlr, rel=0.02 * loose)
        assert 0 < got["E1_ERR"] < 0.05 and 0 < got["FLUX_ERR"] < 0.1 * flux and got["N_EXPOSURES"] == 2


@pytest.mark.parametrize("text, says", [
    ("inference: {method: guess}", "SHINE refuses inference.method"),
    ("inference: {n_steps: 3}", "does not know inference.n_steps"),
    ("gal: {flux: 1, half_light_radius: 1, shear: {g1: 0, g2: 0}}", "gal.shear is fixed"),
    ("gal: {type: Sersic, n: 1, flux: 1, half_light_radius: 1, shear: {g1: 0, g2: 0}}", "Exponential"),
    ("inference: [", "config.yaml"),
])
def test_configuration_refused(subtile, tmp_path, text, says, capsys):
    config = tmp_path / "config.yaml"
    config.write_text(text)
    assert cli.main(["--manifest", str(subtile), "--config", str(config), "--output", str(tmp_path / "out")]) == 78
    assert says in capsys.readouterr().err


def test_nothing_selected(subtile, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("inference: {method: map, sources: {min_snr: 1000}}")
    assert cli.main(["--manifest", str(subtile), "--config", str(config), "--output", str(tmp_path / "out")]) == 0
    assert pq.read_table(tmp_path / "out/shear.parquet").to_pylist()[0]["STATUS"] == "no_sources"
