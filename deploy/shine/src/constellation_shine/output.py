"""The results: shear.parquet, sources.parquet and summary.json.

Columns, units and types are constellation's contract; its command checks
them. The same inputs give the same bytes: nothing here knows the time.
"""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from constellation_shine import diagnostics
from constellation_shine.exposures import Scene
from constellation_shine.failure import DIVERGED, NO_OUTPUT, Failure
from constellation_shine.infer import Estimate
from constellation_shine.manifest import Manifest

CONFIG_ID = "CONSTELLATION_CONFIG_ID"  # of the environment: the configuration to file the results under
BLENDED = 1  # FLAGS: the source's stamp overlaps another's, and they were fitted together; it counts among N_SOURCES

_IDS = [("TILE_ID", pa.int64()), ("SUBTILE_ROW", pa.int32()), ("SUBTILE_COL", pa.int32())]
_PLACE = [("RA", pa.float64()), ("DEC", pa.float64())]
_MEASURED = {"G1", "G2", "G1_ERR", "G2_ERR", "CONVERGENCE", "FLUX", "FLUX_ERR", "HLR", "HLR_ERR",
             "E1", "E2", "E1_ERR", "E2_ERR", "DX", "DY", "SNR"}


def _schema(fields) -> pa.Schema:
    return pa.schema([pa.field(n, t, nullable=n in _MEASURED or n == "METHOD") for n, t in fields])


def _single(*names):
    return [(n, pa.float32()) for n in names]


SHEAR = _schema(_IDS + _PLACE + _single("G1", "G2", "G1_ERR", "G2_ERR") + [("N_SOURCES", pa.int32()), ("METHOD", pa.string())]
                + _single("CONVERGENCE") + [("STATUS", pa.string())])
SOURCES = _schema(_IDS + [("OBJECT_ID", pa.int64())] + _PLACE
                  + _single("FLUX", "FLUX_ERR", "HLR", "HLR_ERR", "E1", "E2", "E1_ERR", "E2_ERR", "DX", "DY", "SNR")
                  + [("N_EXPOSURES", pa.int32()), ("FLAGS", pa.int32())])


def write(directory: Path, manifest: Manifest, scene: Scene, found: Estimate) -> None:
    """The results of an inference."""
    if not np.isfinite(found.shear).all():
        raise Failure(DIVERGED, "the shear is not finite")
    core, summary = np.flatnonzero(scene.core), {}
    shear = _row(manifest, "ok", N_SOURCES=len(core), METHOD=found.method, CONVERGENCE=found.convergence,
                 G1=found.shear[0], G2=found.shear[1], G1_ERR=found.shear_err[0], G2_ERR=found.shear_err[1])
    moved = np.einsum("nij,nj->ni", scene.axes, np.stack([found.source["dx"], found.source["dy"]], axis=1))
    flux, flux_err = found.source["flux"] / scene.adu, found.source_err["flux"] / scene.adu
    sources = {
        "OBJECT_ID": scene.ids, "RA": scene.position[:, 0] % 360.0, "DEC": scene.position[:, 1],
        "FLUX": flux, "FLUX_ERR": flux_err, "HLR": found.source["hlr"], "HLR_ERR": found.source_err["hlr"],
        "E1": found.source["e1"], "E2": found.source["e2"], "E1_ERR": found.source_err["e1"], "E2_ERR": found.source_err["e2"],
        "DX": moved[:, 0], "DY": moved[:, 1], "SNR": flux / np.where(flux_err > 0, flux_err, np.nan),
        "N_EXPOSURES": np.asarray(scene.data.source_visible).sum(axis=1), "FLAGS": np.where(found.blended, BLENDED, 0),
    }
    summary = {
        "method": found.method, "n_modelled": len(scene.ids), "n_exposures": scene.data.n_exposures, "n_quadrants": scene.quadrants,
        "g": found.shear.tolist(), "g_err": _finite(found.shear_err), "g_cov": _finite(found.shear_cov),
        "convergence": _finite(found.convergence), **{k: _finite(v) for k, v in found.extra.items()}, "versions": versions(),
    }
    _write(directory, manifest, shear, {k: np.asarray(v)[core] for k, v in sources.items()}, len(core), "ok", "", summary, scene, found)


def write_nothing(directory: Path, manifest: Manifest, status: str, reason: str) -> None:
    """The results of a sub-tile that has nothing to measure."""
    _write(directory, manifest, _row(manifest, status, N_SOURCES=0), {}, 0, status, reason, {"versions": versions()})


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    from importlib.metadata import PackageNotFoundError, version

    from constellation_shine import __version__

    out = {"constellation_shine": __version__}
    for package in ("shine-wl", "jax", "jax-galsim", "numpyro"):
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            out[package] = "not packaged"
    return out


def _row(manifest: Manifest, status: str, **values) -> dict:
    return {"RA": [manifest.centre[0]], "DEC": [manifest.centre[1]], "STATUS": [status], **{k: [v] for k, v in values.items()}}


def _table(schema: pa.Schema, manifest: Manifest, columns: dict, rows: int) -> pa.Table:
    ids = {"TILE_ID": manifest.tile, "SUBTILE_ROW": manifest.row, "SUBTILE_COL": manifest.col}
    arrays = []
    for f in schema:
        values = columns.get(f.name, [ids.get(f.name)] * rows)
        if f.name in _MEASURED:  # NaN means: not measured
            values = [float(v) if v is not None and np.isfinite(np.float32(v)) else None for v in values]
        arrays.append(pa.array(values, f.type))
    return pa.table(arrays, schema=schema)


def _write(directory: Path, manifest: Manifest, shear: dict, sources: dict, rows: int, status: str, reason: str, more: dict,
           scene: Scene | None = None, found: Estimate | None = None) -> None:
    summary = {"tile_id": manifest.tile, "subtile_row": manifest.row, "subtile_col": manifest.col,
               "engine": "shine", **({"config_id": os.environ[CONFIG_ID]} if os.environ.get(CONFIG_ID) else {}), "status": status, **({"reason": reason} if reason else {}), "n_sources": rows, **more}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if found is not None:
            diagnostics.write(directory, scene, found)
        _parquet(directory / "sources.parquet", _table(SOURCES, manifest, sources, rows))
        _parquet(directory / "shear.parquet", _table(SHEAR, manifest, shear, 1))
        (directory / "summary.json").write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n")
    except OSError as e:
        raise Failure(NO_OUTPUT, f"write the results: {e}") from e


def _parquet(path: Path, table: pa.Table) -> None:
    # Arrow's own schema need not be in the file: the columns say it all.
    pq.write_table(table, path, compression="snappy", use_dictionary=False, store_schema=False)


def _finite(v):
    """JSON has no NaN."""
    if isinstance(v, (list, tuple, np.ndarray)):
        return [_finite(x) for x in v]
    if isinstance(v, (float, np.floating)):
        return float(v) if np.isfinite(v) else None
    return v
