"""What a report shows: bounded, readable, the same bytes for the same numbers."""

import json
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from constellation_shine import diagnostics


def decode(data):
    """An 8-bit greyscale PNG without filters, checksums held to."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        parts[kind], at = body, at + 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, colour) == (8, 0) and parts[b"IEND"] == b""
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:]


def test_png():
    grey = np.arange(35, dtype=np.uint8).reshape(5, 7)
    assert (decode(diagnostics.png(grey)) == grey).all()


def test_panel_is_upright_and_masked_pixels_are_black():
    model = np.zeros((6, 5))
    model[5, 0] = 1000.0  # the top left
    sigma = np.full((6, 5), 10.0)
    sigma[0, 4] = 1e10  # the bottom right
    got = decode(diagnostics.panel(model, model, sigma))[:: diagnostics.ZOOM, :: diagnostics.ZOOM]
    assert got.shape == (6, 17) and got[0, 0] == 255 and got[0, 6] == 255
    assert got[5, 4] == 0 and got[5, 16] == 0  # observed and residual, not the model
    assert got[3, 13] in (127, 128)  # nothing is left


def test_curve_is_short_and_finite():
    losses = 1e6 * np.exp(-np.arange(20000) / 3000) + 5e6
    losses[300] = np.nan
    got = diagnostics.curve(losses)
    assert len(got["steps"]) == len(got["values"]) <= diagnostics.POINTS
    assert (got["steps"][0], got["steps"][-1]) == (1, 20000) and np.isfinite(got["values"]).all()


def test_sources_from_the_brightest_to_the_faintest():
    flux, core = np.array([5.0, 9, 1, 7, 3]), np.array([True, False, True, True, True])
    assert diagnostics.chosen(flux, core) == [3, 0, 4, 2]
    many = diagnostics.chosen(np.arange(1000.0), np.ones(1000, bool))
    assert len(many) == diagnostics.PANELS and many[0] == 999 and many[-1] == 0
    assert diagnostics.chosen(np.ones(1), np.ones(1, bool)) == [0]


def test_files(tmp_path):
    shape = (2, 60, 80)
    scene = SimpleNamespace(core=np.array([True, True]), ids=np.array([-7, -8]), adu=100.0, data=SimpleNamespace(
        source_visible=np.array([[False, True], [True, True]]), pixel_positions=np.array([[[0, 0], [40.2, 30.1]], [[2.0, 3.0], [5, 5]]]),
        images=np.ones(shape), noise_sigma=np.ones(shape)))
    found = SimpleNamespace(losses=np.array([3.0, 2, 1]), drawn=np.ones(shape), source={"flux": np.array([500.0, 900])}, source_err={"flux": np.array([5.0, np.nan])})
    for to in "ab":
        diagnostics.write(tmp_path / to, scene, found)
    at = tmp_path / "a/diagnostics"
    listed = json.loads((at / "panels.json").read_text())
    assert [p["file"] for p in listed] == ["1.png", "2.png"]
    assert listed[0]["caption"].startswith("object -8: 9 µJy; residual") and "object -7: 5 µJy, signal-to-noise 100" in listed[1]["caption"]
    assert decode((at / "1.png").read_bytes()).shape[0] < decode((at / "2.png").read_bytes()).shape[0]  # cut off by the image's edge
    for file in at.iterdir():
        assert file.read_bytes() == (tmp_path / "b/diagnostics" / file.name).read_bytes()
    diagnostics.write(tmp_path / "c", scene, SimpleNamespace(losses=None, drawn=None))
    assert list((tmp_path / "c/diagnostics").iterdir()) == []


@pytest.mark.parametrize("n", [0, 1])
def test_too_short_a_curve_is_left_out(tmp_path, n):
    diagnostics.write(tmp_path, SimpleNamespace(), SimpleNamespace(losses=np.zeros(n), drawn=None))
    assert not (tmp_path / "diagnostics/convergence.json").exists()
