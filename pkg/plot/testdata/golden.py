#!/usr/bin/env python3
"""Makes projections.csv by astropy (wcslib): TAN, ZEA and MOL.

Columns: projection, reference RA and Dec, RA, Dec, and x, y in degrees as the
FITS standard has them (x to the east); x is NaN where there is no such point.
Frames: galactic and ecliptic directions, for which x and y are RA and Dec.

    python golden.py > projections.csv      # astropy 8.0.2
"""
import random
import warnings

import astropy.units as u
import numpy as np
from astropy.coordinates import Galactic, SkyCoord
from astropy.wcs import WCS

warnings.simplefilter("ignore")
random.seed(1)


def wcs(code, ra, dec):
    w = WCS(naxis=2)
    w.wcs.ctype = ["RA---" + code, "DEC--" + code]
    w.wcs.crval = [ra, dec]
    w.wcs.crpix = [0, 0]
    w.wcs.cdelt = [1, 1]
    if code == "MOL":
        w.wcs.crval = [ra, 0]
    return w


def row(name, ra0, dec0, ra, dec, x, y):
    print(f"{name},{ra0!r},{dec0!r},{ra!r},{dec!r},{float(x)!r},{float(y)!r}")


for code, centres, spread in (
    ("TAN", [(58, -51.5), (0.1, 0), (267.38, 65.5), (30, 89.7)], 0.5),
    ("ZEA", [(60, -48), (359.5, -28), (268, 66), (10, 89), (200, -90)], 40),
    ("MOL", [(0, 0)], 400),
):
    for ra0, dec0 in centres:
        w = wcs(code, ra0, dec0)
        n = 12 if code != "MOL" else 30
        points = []
        for _ in range(n):
            if code == "MOL":
                points.append((random.uniform(0, 360), np.degrees(np.arcsin(random.uniform(-1, 1)))))
            else:
                c = SkyCoord(ra0 * u.deg, dec0 * u.deg).directional_offset_by(
                    random.uniform(0, 360) * u.deg, random.uniform(0, spread) * u.deg)
                points.append((float(c.ra.deg), float(c.dec.deg)))
        if code == "MOL":
            points += [(12.0, 89.9), (200.0, -89.7), (179.999, 3.0), (180.001, 3.0), (0.0, 0.0), (90.0, 60.0)]
        for ra, dec in points:
            x, y = w.wcs_world2pix([[ra, dec]], 0)[0] + 1  # crpix 0 is pixel -1, counted from 0
            row(code, ra0, dec0, float(ra), float(dec), x, y)

for l in range(0, 360, 40):
    for b in (-15, 0, 60):
        c = SkyCoord(l * u.deg, b * u.deg, frame=Galactic()).icrs
        row("GAL", 0, 0, float(l), float(b), c.ra.deg, c.dec.deg)
for l in range(0, 360, 40):  # the mean ecliptic of J2000, without precession
    e = np.radians(84381.448 / 3600)
    a = np.radians(l)
    v = [np.cos(a), np.sin(a) * np.cos(e), np.sin(a) * np.sin(e)]
    row("ECL", 0, 0, float(l), 0.0, np.degrees(np.arctan2(v[1], v[0])) % 360, np.degrees(np.arcsin(v[2])))
