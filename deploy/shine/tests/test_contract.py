"""The command line's contract: manifest, configuration, results, exit codes. None of it needs SHINE."""

import errno
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from constellation_shine import cli, exposures, failure, manifest, output, settings
from constellation_shine.infer import Estimate
from subtile import make, source, tpv

SRC = Path(manifest.__file__).parent


def sources(n=3):
    return [source(i, 57.99 + i * 1e-3, -51.5) for i in range(n)]


def quadrants():
    return [("3-4.F", ("002704", "00", "1"), tpv(64, 64), np.zeros((64, 64), np.float32))]


def test_manifest(tmp_path):
    m = manifest.load(make(tmp_path, quadrants(), sources(), core=[-(10**17)]))
    assert (m.tile, m.row, m.col, m.centre) == (102018211, 1, 2, (57.99, -51.5))
    assert m.core == {-(10**17)} and len(m.sources) == 3
    assert m.quadrants[0].exposure == ("002704", "00", "1") and m.quadrants[0].sci.is_file()


@pytest.mark.parametrize("change, code, says", [
    (lambda d: d.pop("core_source_ids"), failure.BAD_DATA, "core_source_ids"),
    (lambda d: d["quadrants"][0].pop("bkg_path"), failure.BAD_DATA, "bkg_path"),
    (lambda d: d.update(core_source_ids=[7]), failure.BAD_DATA, "core source 7 is not among source_ids"),
    (lambda d: d.update(tile_id="x"), failure.BAD_DATA, "'x'"),
])
def test_manifest_refused(tmp_path, change, code, says):
    path = make(tmp_path, quadrants(), sources(), change=change)
    with pytest.raises(failure.Failure, match=says) as e:
        manifest.load(path)
    assert e.value.code == code


def test_centre_of_an_old_manifest_crosses_ra_zero(tmp_path):
    def old(d):
        d.pop("centre")
        d["sky_bounds"]["core_ra"] = [359.9, 360.3]
    assert manifest.load(make(tmp_path, quadrants(), sources(), change=old)).centre == pytest.approx((0.1, -51.5))


def test_settings_are_brought_to_where_shine_has_them():
    got = settings.arrange({"inference": {"method": "vi", "sources": {"min_snr": 20}}, "gal": None})
    assert got == {"inference": {"method": "vi"}, "sources": {"min_snr": 20}, "background": "fixed"}


@pytest.mark.parametrize("doc, says", [
    ([], "not a mapping"),
    ({"inference": 3}, "inference is not a mapping"),
    ({"inferense": {}}, "nobody reads 'inferense'"),
    ({"sources": {}, "inference": {"sources": {}}}, "at the top and inside"),
    ({"data": {"psf_path": "x"}}, "data.psf_path is the manifest's"),
    ({"background": "fit"}, "not in SHINE's model"),
])
def test_settings_refused(doc, says):
    with pytest.raises(failure.Failure, match=says) as e:
        settings.arrange(doc)
    assert e.value.code == failure.BAD_CONFIG


def test_catalog_is_limited_to_the_manifests_sources(tmp_path):
    m = manifest.load(make(tmp_path, quadrants(), sources(5), change=lambda d: d.update(source_ids=d["source_ids"][3:0:-1], core_source_ids=[])))
    assert [int(i) for i in exposures.catalog(m)["object_id"]] == [-(10**17) - i for i in (3, 2, 1)]


@pytest.mark.parametrize("spoil, code, says", [
    (lambda t: t.rename_column("object_id", "OBJECT_ID"), failure.BAD_DATA, "no column object_id"),
    (lambda t: t.remove_row(1), failure.BAD_DATA, "lacks source -100000000000000001"),
    (lambda t: t.add_row(t[0]), failure.BAD_DATA, "twice"),
    (None, failure.NO_INPUT, "catalog.fits"),
])
def test_catalog_refused(tmp_path, spoil, code, says):
    m = manifest.load(make(tmp_path, quadrants(), sources()))
    if spoil:
        table = Table.read(m.catalog)
        spoil(table)
        table.write(m.catalog, overwrite=True)
    else:
        m.catalog.unlink()
    with pytest.raises(failure.Failure, match=says) as e:
        exposures.catalog(m)
    assert e.value.code == code


def test_quadrant_without_zero_point_is_not_guessed(tmp_path):
    header = tpv(64, 64)
    del header["MAGZEROP"]
    m = manifest.load(make(tmp_path, [("3-4.F", ("1", "00", "1"), header, np.zeros((64, 64)))], sources()))
    with pytest.raises(failure.Failure, match="3-4.F of 1_00_1: keyword MAGZEROP") as e:
        exposures._read(m.quadrants[0])
    assert e.value.code == failure.BAD_DATA


def test_flux_scale():
    """A source of AB magnitude MAGZEROP + 2.5 log10(EXPTIME) is 1 ADU."""
    magnitude = 24.57 + 2.5 * np.log10(560.52)
    ujy = 10 ** (-0.4 * (magnitude - 23.9))
    assert exposures.adu_per_ujy(SimpleNamespace(magzeropoint=24.57, exptime=560.52)) * ujy == pytest.approx(1)


def found(n=3, **change):
    one = np.ones(n)
    value = {"flux": one * 200, "hlr": one * 0.3, "e1": one * 0.1, "e2": one * -0.1, "dx": one * 0.01, "dy": one * 0}
    error = {k: one * 0.02 for k in value} | {"dy": one * np.nan}
    e = dict(method="map", shear=np.array([0.02, -0.01]), shear_err=np.array([0.003, 0.004]), shear_cov=1e-6, convergence=0.1,
             source=value, source_err=error, blended=np.arange(n) == 1, extra={"chi2_per_pixel": np.float64(1.01)})
    return Estimate(**{**e, **change})


def scene(n=3):
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    return SimpleNamespace(ids=np.array([-(10**17) - i for i in range(n)]), position=np.full((n, 2), 57.99), core=np.arange(n) > 0, adu=100.0,
                           axes=np.tile(turn, (n, 1, 1)), quadrants=2, data=SimpleNamespace(source_visible=np.ones((n, 4), bool), n_exposures=4))


def test_results(tmp_path):
    m = manifest.load(make(tmp_path / "in", quadrants(), sources()))
    output.write(tmp_path / "out", m, scene(), found())
    shear = pq.read_table(tmp_path / "out/shear.parquet").to_pylist()
    assert len(shear) == 1 and shear[0]["STATUS"] == "ok" and shear[0]["N_SOURCES"] == 2 and shear[0]["METHOD"] == "map"
    assert shear[0]["G2"] == np.float32(-0.01) and (shear[0]["RA"], shear[0]["DEC"]) == (57.99, -51.5)
    rows = pq.read_table(tmp_path / "out/sources.parquet").to_pylist()
    assert [r["OBJECT_ID"] for r in rows] == [-(10**17) - 1, -(10**17) - 2]
    assert rows[0]["FLUX"] == 2 and rows[0]["N_EXPOSURES"] == 4 and [r["FLAGS"] for r in rows] == [1, 0]
    assert (rows[0]["DX"], rows[0]["DY"]) == (0, np.float32(0.01))  # along the sky's axes
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["n_sources"] == 2 and summary["n_modelled"] == 3 and summary["chi2_per_pixel"] == 1.01


def test_results_are_filed_under_a_configuration(tmp_path, monkeypatch):
    m = manifest.load(make(tmp_path / "in", quadrants(), sources()))
    monkeypatch.setenv(output.CONFIG_ID, "abc")
    output.write(tmp_path / "out", m, scene(), found())
    output.write_nothing(tmp_path / "none", m, "no_sources", "none")
    monkeypatch.delenv(output.CONFIG_ID)
    output.write(tmp_path / "alone", m, scene(), found())
    read = lambda name: json.loads((tmp_path / name / "summary.json").read_text()).get("config_id")
    assert [read(n) for n in ("out", "none", "alone")] == ["abc", "abc", None]


def test_results_are_the_same_bytes(tmp_path):
    m = manifest.load(make(tmp_path / "in", quadrants(), sources()))
    for to in "ab":
        output.write(tmp_path / to, m, scene(), found())
    for file in ("shear.parquet", "sources.parquet", "summary.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_numbers_that_are_missing_are_nulls(tmp_path):
    m = manifest.load(make(tmp_path / "in", quadrants(), sources()))
    nan = dict.fromkeys(found().source, np.full(3, np.nan))
    output.write(tmp_path / "out", m, scene(), found(shear_err=np.full(2, np.nan), source_err=nan, convergence=np.nan))
    row = pq.read_table(tmp_path / "out/shear.parquet").to_pylist()[0]
    assert row["G1"] is not None and row["G1_ERR"] is None and row["CONVERGENCE"] is None
    assert {r["SNR"] for r in pq.read_table(tmp_path / "out/sources.parquet").to_pylist()} == {None}
    with pytest.raises(failure.Failure, match="not finite") as e:
        output.write(tmp_path / "out", m, scene(), found(shear=np.array([np.nan, 0])))
    assert e.value.code == failure.DIVERGED


def test_nothing_to_measure(tmp_path):
    m = manifest.load(make(tmp_path / "in", [], sources()))
    output.write_nothing(tmp_path / "out", m, "no_exposures", "no exposure covers the sub-tile")
    row = pq.read_table(tmp_path / "out/shear.parquet").to_pylist()[0]
    assert row["STATUS"] == "no_exposures" and row["G1"] is None and row["N_SOURCES"] == 0
    assert pq.read_table(tmp_path / "out/sources.parquet").num_rows == 0


@pytest.mark.parametrize("raised, code, says", [
    (failure.Failure(78, "two\nlines"), 78, "shine: two lines\n"),
    (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes"), 75, "out of memory on the accelerator"),
    (MemoryError("no"), 75, "out of memory"),
])
def test_endings(monkeypatch, capsys, raised, code, says):
    def run(*_):
        raise raised
    monkeypatch.setattr(cli, "run", run)
    assert cli.main(["--manifest", "m", "--config", "c", "--output", "o"]) == code
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(cli, "run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["--manifest", "m", "--config", "c", "--output", "o"])


def python(tmp_path, *args, packages=()):
    """Another interpreter with nothing but the adapter, the finder and the given packages before the rest."""
    code = "import constellation_shine_hook as h; h.install(); import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([*map(str, packages), str(SRC.parent)]), PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run([sys.executable, "-c", code, *args], cwd=tmp_path, env=env, capture_output=True, text=True)


def shine(tmp_path, **files):
    """A package shine that comes before an installed one."""
    (tmp_path / "lib/shine/euclid").mkdir(parents=True)
    for name, text in {"__init__": "", "euclid/__init__": "", **files}.items():
        (tmp_path / f"lib/shine/{name}.py").write_text(text)
    return tmp_path / "lib"


def test_command_exists_where_shine_has_none(tmp_path):
    got = python(tmp_path, "shine.euclid.run", "--manifest", "gone.yaml", "--config", "c", "--output", "o", packages=[shine(tmp_path)])
    assert got.returncode == failure.NO_INPUT and got.stderr.startswith("shine: read the manifest")


def test_steps_aside_for_shines_own(tmp_path):
    lib = shine(tmp_path, **{"euclid/run": "import sys; print('SHINE itself', sys.argv[1:])"})
    got = python(tmp_path, "shine.euclid.run", "--manifest", "m", packages=[lib])
    assert got.stdout.strip() == "SHINE itself ['--manifest', 'm']", got.stderr


def test_shine_without_euclid_is_not_made_up(tmp_path):
    """As PyPI's shine-wl 0.0.3: the interpreter itself says what is missing."""
    lib = tmp_path / "lib"
    (lib / "shine").mkdir(parents=True)
    (lib / "shine/__init__.py").write_text("")
    got = python(tmp_path, "shine.euclid.run", "--help", packages=[lib])
    assert got.returncode == 1 and "No module named 'shine.euclid'" in got.stderr
    make(tmp_path / "in", quadrants(), sources())
    (tmp_path / "c.yaml").write_text("inference: {method: map}")
    got = python(tmp_path, "constellation_shine", "--manifest", "in/manifest_local.yaml", "--config", "c.yaml", "--output", "out", packages=[lib])
    assert got.returncode == failure.NO_SHINE and "install CosmoStat's SHINE" in got.stderr


def test_command_line_is_refused_with_2(tmp_path):
    assert python(tmp_path, "constellation_shine", "--manifest", "m").returncode == 2


@pytest.mark.parametrize("env, devices, backend, fails", [
    ({}, ["nvidia0", "nvidiactl"], "cpu", True),
    ({}, ["nvidia0"], "gpu", False),
    ({}, ["nvidiactl"], "cpu", False),
    ({"JAX_PLATFORMS": "cpu"}, ["nvidia0"], "cpu", False),
    ({"CUDA_VISIBLE_DEVICES": "-1"}, ["nvidia0"], "cpu", False),
    ({"CUDA_VISIBLE_DEVICES": "0"}, ["nvidia0"], "cpu", True),
])
def test_gpu_that_is_left_alone(monkeypatch, tmp_path, env, devices, backend, fails):
    for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    for name in devices:
        (tmp_path / name).touch()
    jax = types.ModuleType("jax")
    jax.default_backend = lambda: backend
    monkeypatch.setitem(sys.modules, "jax", jax)
    if not fails:
        cli.needs_gpu(tmp_path)
        return
    with pytest.raises(failure.Failure) as e:
        cli.needs_gpu(tmp_path)
    assert e.value.code == failure.NO_GPU == 71 and "jax[cuda12]" in str(e.value)


def test_no_space(monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cli, "run", full)
    assert cli.main(["--manifest", "m", "--config", "c", "--output", "o"]) == failure.NO_OUTPUT
    assert "no space is left" in capsys.readouterr().err
