"""What people look at: the loss by step, and observed, model and residual.

constellation shows ``diagnostics/`` of the results in its report:
``convergence.json``, ``panels.json`` and the PNGs that it lists. All of it is
bounded, and none of it is a result.
"""

import json
import struct
import zlib
from pathlib import Path

import numpy as np

PANELS = 6  # sources
HALF = 24  # pixels of a panel on each side of the source
ZOOM = 4
POINTS = 500  # of the curve


def write(directory: Path, scene, found) -> None:
    """Write what there is; ``found.losses`` and ``found.drawn`` may be None."""
    directory = directory / "diagnostics"
    directory.mkdir(parents=True, exist_ok=True)
    if found.losses is not None and len(found.losses) > 1:
        (directory / "convergence.json").write_text(json.dumps(curve(found.losses)) + "\n")
    if found.drawn is None:
        return
    listed = []
    for i in chosen(found.source["flux"], scene.core):
        j = int(np.flatnonzero(np.asarray(scene.data.source_visible)[i])[0])
        x, y = (int(round(float(v))) for v in np.asarray(scene.data.pixel_positions)[i, j])
        at = np.s_[j, max(y - HALF, 0) : y + HALF, max(x - HALF, 0) : x + HALF]
        observed, model, sigma = (np.asarray(a[at], float) for a in (scene.data.images, found.drawn, scene.data.noise_sigma))
        name = f"{len(listed) + 1}.png"
        (directory / name).write_bytes(panel(observed, model, sigma))
        flux, error = found.source["flux"][i] / scene.adu, found.source_err["flux"][i] / scene.adu
        snr = f", signal-to-noise {flux / error:.0f}" if np.isfinite(error) and error > 0 else ""
        listed.append({"file": name, "caption": f"object {scene.ids[i]}: {flux:.3g} µJy{snr}; residual from -5 to 5 standard deviations"})
    (directory / "panels.json").write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")


def curve(losses) -> dict:
    steps = np.unique(np.linspace(0, len(losses) - 1, min(POINTS, len(losses))).round().astype(int))
    steps = steps[np.isfinite(np.asarray(losses)[steps])]
    return {"label": "loss", "steps": (steps + 1).tolist(), "values": [float(losses[s]) for s in steps]}


def chosen(flux, core) -> list[int]:
    """A few core sources, from the brightest to the faintest."""
    order = np.array([i for i in np.argsort(-np.asarray(flux), kind="stable") if core[i]], int)
    return order[np.unique(np.linspace(0, len(order) - 1, min(PANELS, len(order))).round().astype(int))].tolist()


def panel(observed, model, sigma) -> bytes:
    """Observed and model in one stretch, and their difference in units of the noise; masked pixels are black."""
    good = sigma < 1e9
    noise = np.median(sigma[good]) if good.any() else 1.0
    low, top = (np.arcsinh(v / (3 * noise)) for v in (-3 * noise, max(np.max(model), 10 * noise)))
    grey = [np.clip((np.arcsinh(v / (3 * noise)) - low) / (top - low), 0, 1) for v in (observed, model)]
    grey.append(np.clip((observed - model) / np.where(good, sigma, 1) / 10 + 0.5, 0, 1))
    gap = np.ones((observed.shape[0], 1))
    rows = np.hstack([np.where(good, grey[0], 0), gap, grey[1], gap, np.where(good, grey[2], 0)])
    return png((np.kron(rows[::-1], np.ones((ZOOM, ZOOM))) * 255).round().astype(np.uint8))  # y upward


def png(grey: np.ndarray) -> bytes:
    """An 8-bit greyscale PNG."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = np.hstack([np.zeros((len(grey), 1), np.uint8), grey]).tobytes()  # each with filter 0
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))
