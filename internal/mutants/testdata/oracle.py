#!/usr/bin/env python3
"""What is in a survey's files, found without any of constellation's code.

Reads one JSON request a line from standard input, and answers with one line each.
A request names files ({"path in the survey": "file on disk"}), the grid and the
tiles; the answer has, for each tile, its centre, and for each sub-tile the ids
of its sources and the quadrants under it. "read" are tables to be read back.

Sources: FITS 4.0 and WCS papers I and II as astropy has them; the layout of
tiles is DESIGN section 3.4: a sub-tile is a square in the tangent plane at the
tile's centre, lower edges in, upper edges out.
"""
import hashlib
import json
import math
import os
import re
import sys
import warnings

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

warnings.simplefilter("ignore")
warnings.simplefilter("ignore", FITSFixedWarning)

DET = re.compile(r"VIS/.*EUC_VIS_SWL-DET-(\d{6})-(\d{2,3})-1(?:-\d+)?__([^/_]*)Z(?:_(\d+\.\d+))?(?:_(sci|rms|flg))?\.fits$")
OF_EXPOSURE = r"EUC_VIS_SWL-%s-%s-0*%d-1(-\d+)?__[^/]*\.fits$"
MER = r"EUC_MER_%s_TILE%d-[0-9A-Fa-f]+_([^/]*)Z_(\d+\.\d+)\.fits(\.gz)?$"
QUADRANT = re.compile(r"^(\d-\d\.[A-Z])(\.SCI)?$")

seen = {}  # by what is read and of which bytes: most mutants change one file
sums = {}  # by file


def once(kind, path, read):
    stat = os.stat(path)
    file = (path, stat.st_size, stat.st_mtime_ns)
    if file not in sums:
        with open(path, "rb") as f:
            sums[file] = hashlib.sha256(f.read()).digest()
    key = (kind, sums[file])
    if key not in seen:
        seen[key] = read(path)
    return seen[key]


def project(ra, dec, ra0, dec0):
    """Tangent plane, degrees: xi to the east, eta to the north."""
    a, d, a0, d0 = (np.radians(np.asarray(v, float)) for v in (ra, dec, ra0, dec0))
    c = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a - a0)
    xi = np.cos(d) * np.sin(a - a0) / c
    eta = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a - a0)) / c
    return np.degrees(xi), np.degrees(eta), c > 0


def mosaic_centre(path):
    with fits.open(path) as hdus:
        hdu = next(h for h in hdus if h.header.get("NAXIS") == 2)
        w = WCS(hdu.header)
        ra, dec = w.all_pix2world([[(hdu.header["NAXIS1"] + 1) / 2, (hdu.header["NAXIS2"] + 1) / 2]], 1)[0]
        return float(ra), float(dec)


def rows(path):
    with fits.open(path) as hdus:
        t = hdus[1]
        names = {c.name.upper(): c.name for c in t.columns if c.name}
        ids = np.array(t.data[names["OBJECT_ID"]], np.int64)
        place = []
        for key in ("RIGHT_ASCENSION", "DECLINATION"):
            unit = t.columns[names[key]].unit
            value = np.array(t.data[names[key]], float)
            place.append(np.degrees(value) if unit == "rad" else value)
        ok = np.isfinite(place[0]) & np.isfinite(place[1])
        return ids[ok], place[0][ok], place[1][ok]


def outlines(path):
    """Quadrant name -> its edge on the sky, through the whole WCS."""
    found = {}
    with fits.open(path, ignore_missing_simple=True) as hdus:
        for h in hdus[1:]:
            m = QUADRANT.match(h.name)
            if not m or h.header.get("NAXIS") != 2:
                continue
            nx, ny = h.header["NAXIS1"], h.header["NAXIS2"]
            steps = np.linspace(0, 1, 9)[:-1]
            x = np.concatenate([0.5 + nx * steps, np.full(8, nx + 0.5), nx + 0.5 - nx * steps, np.full(8, 0.5)])
            y = np.concatenate([np.full(8, 0.5), 0.5 + ny * steps, np.full(8, ny + 0.5), ny + 0.5 - ny * steps])
            found[m[1]] = WCS(h.header).all_pix2world(np.column_stack([x, y]), 1)
    return found


def clip(polygon, axis, bound, keep_below):
    out = []
    inside = (lambda p: p[axis] <= bound) if keep_below else (lambda p: p[axis] >= bound)
    for p, q in zip(polygon, polygon[1:] + polygon[:1]):
        if inside(p):
            out.append(p)
        if inside(p) != inside(q):
            t = (bound - p[axis]) / (q[axis] - p[axis])
            out.append((p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])))
    return out


def area(polygon, box):
    for axis, bound, below in ((0, box[0], False), (0, box[1], True), (1, box[2], False), (1, box[3], True)):
        if len(polygon) < 3:
            return 0
        polygon = clip(polygon, axis, bound, below)
    s = sum(p[0] * q[1] - q[0] * p[1] for p, q in zip(polygon, polygon[1:] + polygon[:1]))
    return abs(s) / 2


def newest(paths, pattern):
    """The newest release's newest delivery among the files that match."""
    best = None
    for p in paths:
        m = re.search(pattern, p)
        if m:
            key = (tuple(map(int, m[2].split("."))), m[1], p)
            best = max(best, key) if best else key
    return best and best[2]


def exposures(files):
    """Of each exposure the file with SCI, of its newest DET that is whole: the
    combined file, or all of sci, rms and flg of one time."""
    found = {}
    for path in sorted(files):  # of one name twice the last counts
        m = DET.search(path)
        if m:
            when = (tuple(map(int, (m[4] or "-1.0").split("."))), m[3])
            found.setdefault((m[1], int(m[2])), {}).setdefault(when, {})[m[5] or "combined"] = path
    out = {}
    for (obs, dither), deliveries in found.items():
        whole = [d for d in deliveries.values() if "combined" in d or {"sci", "rms", "flg"} <= set(d)]
        if not whole:
            continue
        newest_first = sorted(deliveries, reverse=True)
        last = next(deliveries[w] for w in newest_first if deliveries[w] in whole)
        path = last.get("combined") or last["sci"]
        bkg = any(re.search(OF_EXPOSURE % ("BKG", obs, dither), p) for p in files)
        psf = any(p.startswith(os.path.dirname(path) + "/EUC_VIS_GRD-PSF") for p in files)
        if bkg and psf:
            out[f"{obs}_{dither:02d}_1"] = path
    return out


def answer(q):
    files, g = q["files"], q["grid"]
    tiles = {}
    seen_exposures = exposures(files)
    for tile in q["tiles"]:
        mosaic = newest(files, MER % ("BGSUB-MOSAIC-VIS", tile))
        centre = once("centre", files[mosaic], mosaic_centre)
        own = newest(files, MER % ("FINAL-CAT", tile))
        catalogs = [(own, True)] + [(newest(files, MER % ("FINAL-CAT", t)), False) for t in q["all_tiles"] if t != tile]
        subs = {}
        for r in range(g["rows"]):
            for c in range(g["cols"]):
                core = [g["tile"] / 60 * (c / g["cols"] - 0.5), g["tile"] / 60 * ((c + 1) / g["cols"] - 0.5),
                        g["tile"] / 60 * (r / g["rows"] - 0.5), g["tile"] / 60 * ((r + 1) / g["rows"] - 0.5)]
                m = g["margin"] / 60
                extended = [core[0] - m, core[1] + m, core[2] - m, core[3] + m]
                sub = {"core": [], "sources": [], "quadrants": []}
                for path, mine in catalogs:
                    if not path:
                        continue
                    ids, ra, dec = once("rows", files[path], rows)
                    xi, eta, ok = project(ra, dec, *centre)
                    for box, key in ((extended, "sources"), (core, "core")):
                        if key == "core" and not mine:
                            continue
                        hit = ok & (xi >= box[0]) & (xi < box[1]) & (eta >= box[2]) & (eta < box[3])
                        for i in ids[hit].tolist():  # of an object that is there twice the first row counts
                            if i not in sub[key]:
                                sub[key].append(i)
                for name, path in seen_exposures.items():
                    for quadrant, edge in once("outlines", files[path], outlines).items():
                        xi, eta, ok = project(edge[:, 0], edge[:, 1], *centre)
                        if ok.all() and area(list(zip(xi, eta)), extended) > 0:
                            sub["quadrants"].append(f"{name} {quadrant}")
                subs[f"{r}_{c}"] = {k: sorted(v) for k, v in sub.items()}
        tiles[str(tile)] = {"centre": list(centre), "sub_tiles": subs}
    return {"tiles": tiles, "read": {k: once("table", v, table) for k, v in q.get("read", {}).items()}}


def table(path):
    """The object ids of a table that constellation wrote; fails where astropy can't read it."""
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        return sorted(int(i) for i in hdus[1].data["object_id"])


for line in sys.stdin:
    try:
        out = answer(json.loads(line))
    except Exception as e:  # is the answer
        out = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(out), flush=True)
