"""Makes golden.json: what wcslib (through astropy.wcs) says about many headers.

    python -m venv venv && venv/bin/pip install astropy numpy
    venv/bin/python pkg/wcs/testdata/make_golden.py > pkg/wcs/testdata/golden.json

Where wcslib has no say, in SIP, it is astropy's own code (all_pix2world) that
applies the terms. Each case is a header, pixel positions (first pixel's centre is (1, 1)) and their
directions; the numbers of the header are rounded so that they are the same in
both places.
"""

import json
import sys

import astropy
import numpy as np
from astropy.wcs import WCS, _wcs

rng = np.random.default_rng(20260601)

# The exponents of TPV's plain terms, by number; 3, 11, 23 and 39 are r, r^3, r^5, r^7.
RADIAL = {3: 1, 11: 3, 23: 5, 39: 7}


def term_degree(m):
    if m in RADIAL:
        return RADIAL[m]
    numbers = [i for i in range(40) if i not in RADIAL]
    at, degree = numbers.index(m), 0
    while at > degree:
        at -= degree + 1
        degree += 1
    return degree


def rounded(x):
    return float(f"{x:.12g}")


def matrix(scale_deg, angle_deg, parity, shear=0.0):
    a = np.radians(angle_deg)
    m = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.diag([parity, 1.0])
    return scale_deg * (m + shear * rng.normal(size=(2, 2)))


def case(name, kind, crval, nx, ny, cd, pv=None, pc=False, crpix=None, extra=None, grid=0):
    """A case; extra overrides keywords, and None takes one away. grid x grid points
    cover the image from edge to edge, besides the corners and random ones."""
    h = {
        "CTYPE1": f"RA---{kind}",
        "CTYPE2": f"DEC--{kind}",
        "CUNIT1": "deg",
        "CUNIT2": "deg",
        "CRVAL1": crval[0],
        "CRVAL2": crval[1],
    }
    crpix = crpix or (rounded(nx / 2 + rng.normal() * nx / 5), rounded(ny / 2 + rng.normal() * ny / 5))
    h["CRPIX1"], h["CRPIX2"] = crpix
    if pc:
        h["CDELT1"], h["CDELT2"] = rounded(-np.hypot(*cd[0])), rounded(np.hypot(*cd[1]))
    for i in range(2):
        for j in range(2):
            if pc:
                h[f"PC{i + 1}_{j + 1}"] = rounded(cd[i][j] / h[f"CDELT{i + 1}"])
            else:
                h[f"CD{i + 1}_{j + 1}"] = rounded(cd[i][j])
    h.update(pv or {})
    h.update(extra or {})
    h = {key: value for key, value in h.items() if value is not None}

    # The convention's default of PVi_1 is 1. wcslib has no defaults: tell it.
    w = WCS({"PV1_1": 1.0, "PV2_1": 1.0, **h} if kind == "TPV" else h)
    xs = [0.5, 1.0, nx + 0.5, nx + 0.5, 0.5, crpix[0]] + list(rng.uniform(1, nx, 4))
    ys = [0.5, 1.0, ny + 0.5, 0.5, ny + 0.5, crpix[1]] + list(rng.uniform(1, ny, 4))
    # The grid comes before the last point, which the Jacobian is of.
    for x in np.linspace(0.5, nx + 0.5, grid):
        for y in np.linspace(0.5, ny + 0.5, grid):
            xs.insert(-1, x)
            ys.insert(-1, y)
    def directions(x, y):
        longitude, latitude = w.all_pix2world(x, y, 1)
        return (latitude, longitude) if h["CTYPE1"].startswith("DEC") else (longitude, latitude)

    points = []
    for x, y in zip(map(rounded, xs), map(rounded, ys)):
        ra, dec = directions(x, y)
        points.append([x, y, float(ra), float(dec)])

    # The Jacobian at the last point, by differences of directions, arcsec a
    # pixel in the tangent plane at that point.
    x, y = points[-1][:2]
    step = 1.0
    ra, dec = directions([x, x - step, x + step, x, x], [y, y, y, y - step, y + step])
    a, d = np.radians(ra), np.radians(dec)
    depth = np.sin(d) * np.sin(d[0]) + np.cos(d) * np.cos(d[0]) * np.cos(a - a[0])
    xi = np.cos(d) * np.sin(a - a[0]) / depth
    eta = (np.sin(d) * np.cos(d[0]) - np.cos(d) * np.sin(d[0]) * np.cos(a - a[0])) / depth
    scale = np.degrees(1) * 3600 / (2 * step)
    jacobian = [[float((v[2] - v[1]) * scale), float((v[4] - v[3]) * scale)] for v in (xi, eta)]
    return {"name": name, "header": h, "nx": nx, "ny": ny, "points": points, "jacobian": jacobian}


def euclid_pv(size=1.0):
    """A cubic as VIS has it: no constant, no radial terms; below 1e-3 of the field."""
    pv = {}
    for axis in (1, 2):
        pv[f"PV{axis}_1"] = rounded(1 + 1e-4 * size * rng.normal())
        pv[f"PV{axis}_2"] = rounded(1e-4 * size * rng.normal())
        for m in (4, 5, 6):
            pv[f"PV{axis}_{m}"] = rounded(5e-3 * size * rng.normal())
        for m in (7, 8, 9, 10):
            pv[f"PV{axis}_{m}"] = rounded(5e-2 * size * rng.normal())
    return pv


def full_pv(field, radial=True):
    """All 40 terms, each a few 1e-4 of the field at its edge."""
    pv = {}
    for axis in (1, 2):
        for m in range(40):
            if m in RADIAL and not radial:
                continue
            degree = term_degree(m)
            size = 3e-4 * field ** (1 - degree) if degree else 1e-5
            pv[f"PV{axis}_{m}"] = rounded((1 if m == 1 else 0) + size * rng.normal())
    return pv


def sip(order_a, order_b, field, size=3e-3):
    """A and B terms; each moves the pixels at the edge by a few parts in a thousand of the field."""
    terms = {"A_ORDER": order_a, "B_ORDER": order_b}
    for name, order in (("A", order_a), ("B", order_b)):
        for i in range(order + 1):
            for j in range(order + 1 - i):
                if i + j >= 2 or (order == 5 and i + j == 1) or (order == 9 and i + j == 0):
                    terms[f"{name}_{i}_{j}"] = rounded(size * rng.normal() * field ** (1 - i - j))
    return terms


VIS = (2048, 2066)
CENTRES = [
    (57.9990741, -51.5), (267.3807789, 65.4983), (52.93, -28.1), (0.0, 0.0), (0.01, -12.3), (359.995, 31.0),
    (180.0, 45.0), (123.4, 89.97), (301.2, -89.99), (0.002, 89.9999), (77.7, 90.0), (12.5, -90.0),
]

cases = []
for i, c in enumerate(CENTRES):
    flip = 180 if i % 2 else 0
    cases.append(case(f"vis {c}", "TPV", c, *VIS, matrix(2.7778e-5, flip + rng.normal() * 30, -1, 1e-3), euclid_pv(), grid=7))
    cases.append(case(f"mosaic {c}", "TAN", c, 19200, 19200, matrix(2.7778e-5, 0, -1), crpix=(9600.5, 9600.5)))
    cases.append(case(f"all terms {c}", "TPV", c, 4096, 4132, matrix(5e-5, rng.uniform(0, 360), 1 if i % 3 else -1, 1e-2), full_pv(0.15)))
    cases.append(case(f"pc {c}", "TAN", c, 500, 700, matrix(1e-3, rng.uniform(0, 360), -1, 0.05), pc=True))
cases.append(case("far reference", "TPV", (10.0, 20.0), *VIS, matrix(2.7778e-5, 11, -1), euclid_pv(0.1), crpix=(-9000.25, 12000.5)))
cases.append(case("plain degrees only", "TPV", (10.0, 20.0), *VIS, matrix(2e-4, 80, -1), full_pv(0.3, radial=False)))
cases.append(case("no PV1_1", "TPV", (200.0, -70.0), *VIS, matrix(2.7778e-5, 0, -1), {"PV1_4": 0.01, "PV2_5": -0.02}))
cases.append(case("one axis", "TPV", (200.0, -70.0), *VIS, matrix(2.7778e-5, 0, -1), {"PV2_1": 1.001, "PV2_7": -0.2}))
cases.append(case("no PV", "TPV", (200.0, -70.0), *VIS, matrix(2.7778e-5, 0, -1)))
for dec, lonpole in ((35.0, 180.0), (35.0, 0.0), (-60.0, 77.5), (90.0, 0.0), (90.0, 180.0), (-90.0, 180.0), (-90.0, 20.0)):
    cases.append(case(f"lonpole {lonpole} at {dec}", "TPV", (5.0, dec), *VIS, matrix(2.7778e-5, 20, -1), euclid_pv(), extra={"LONPOLE": lonpole}))


NO_CD = {f"CD{i}_{j}": None for i in (1, 2) for j in (1, 2)}
SWAPPED = {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN"}
for order in range(2, 10):
    c = CENTRES[order]
    cases.append(case(f"sip {order} at {c}", "TAN-SIP", c, *VIS, matrix(1e-4, rng.uniform(0, 360), -1, 1e-3), sip(order, 11 - order, 1500.0), grid=5))
for c in ((0.0, 89.99), (359.999, -89.999), (12.0, 90.0), (0.0, 0.0)):
    cases.append(case(f"sip at {c}", "TAN-SIP", c, *VIS, matrix(2.7778e-5, 33, -1), sip(3, 3, 1500.0), extra={"A_DMAX": 10.5, "AP_ORDER": 2, "BP_ORDER": 2, "AP_2_0": 1e-7}))
cases.append(case("sip, strong", "TAN-SIP", (202.5, 47.2), *VIS, matrix(3.4e-4, 128, -1), sip(4, 4, 1500.0, 2e-2), grid=5))
cases.append(case("sip with pc", "TAN-SIP", (202.5, 47.2), 256, 256, matrix(3.4e-4, -70, -1), sip(3, 2, 150.0), pc=True))
cases.append(case("sip, far reference", "TAN-SIP", (202.5, -47.2), *VIS, matrix(2.7778e-5, 10, -1), sip(3, 3, 12000.0), crpix=(-9000.25, 12000.5)))
for c, rho in (((10.0, 20.0), 30.0), ((0.0, -75.0), -140.5), ((300.0, 89.999), 90.0), ((5.0, 0.0), 0.0)):
    delta = {"CDELT1": -3e-4, "CDELT2": 7e-4}
    cases.append(case(f"crota {rho}", "TAN", c, 900, 400, matrix(1, 0, 1), extra={**NO_CD, **delta, "CROTA2": rho}))
    cases.append(case(f"both crota {rho}", "TAN", c, 900, 400, matrix(1, 0, 1), {"CROTA1": rho}, extra={**NO_CD, **delta, "CROTA2": rho}))
cases.append(case("crota, axes swapped", "TAN", (40.0, 50.0), 900, 400, matrix(1, 0, 1), extra={**NO_CD, "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 50.0, "CRVAL2": 40.0, "CDELT1": 3e-4, "CDELT2": -7e-4, "CROTA1": 25.0}))
cases.append(case("cdelt alone", "TAN", (40.0, 50.0), 900, 400, matrix(1, 0, 1), extra={**NO_CD, "CDELT1": -3e-4, "CDELT2": 7e-4}))
cases.append(case("pc alone", "TAN", (40.0, 50.0), 900, 400, matrix(3e-4, 12, -1), pc=True, extra={"CDELT1": None, "CDELT2": None, "PC1_1": -3e-4, "PC1_2": 1e-5, "PC2_1": None, "PC2_2": 4e-4}))
cases.append(case("cd voids cdelt and crota", "TAN", (40.0, 50.0), 900, 400, matrix(3e-4, 12, -1), extra={"CDELT1": -1.0, "CDELT2": 1.0, "CROTA2": 77.0}))
cases.append(case("partial cd", "TAN", (40.0, 50.0), 900, 400, matrix(3e-4, 12, -1), extra={"CD1_2": None, "CD2_1": None}))
for ra, dec in ((33.0, 41.0), (0.0, -60.0), (0.001, 89.99)):
    cases.append(case(f"axes swapped at {ra} {dec}", "TAN", (dec, ra), *VIS, matrix(2.7778e-5, 20, 1, 1e-2), extra=SWAPPED, grid=3))
    cases.append(case(f"sip, axes swapped at {ra} {dec}", "TAN-SIP", (dec, ra), *VIS, matrix(2.7778e-5, 20, 1), sip(3, 4, 1500.0), extra={"CTYPE1": "DEC--TAN-SIP", "CTYPE2": "RA---TAN-SIP", "LONPOLE": 170.0}))
for latpole in (90.0, 0.0, -90.0, 35.0):
    cases.append(case(f"latpole {latpole}", "TAN", (5.0, 35.0), *VIS, matrix(2.7778e-5, 20, -1), extra={"LONPOLE": 100.0, "LATPOLE": latpole}))
cases.append(case("wide", "TPV", (0.5, 60.0), 6000, 6000, matrix(1e-3, 200, -1), full_pv(3.0), grid=7))

json.dump({"astropy": astropy.__version__, "wcslib": _wcs.WCSLIB_VERSION, "cases": cases}, sys.stdout, indent=None, separators=(",", ":"))
print()
