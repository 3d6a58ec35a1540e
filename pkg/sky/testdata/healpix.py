"""Makes healpix.csv: pixels of order 29, nested, by cdshealpix, which hats computes _healpix_29 with.

pip install cdshealpix==0.9.0; python healpix.py > healpix.csv
"""
import numpy as np
from astropy.coordinates import Latitude, Longitude
from astropy import units as u
from cdshealpix.nested import healpix_to_lonlat, lonlat_to_healpix, vertices

rng = np.random.default_rng(29)
ra, dec, edge = [], [], []


def add(r, d, on_edge=0):
    r, d = np.broadcast_arrays(np.asarray(r, float), np.asarray(d, float))
    edge.extend([on_edge] * r.size)
    ra.extend(r.ravel())
    dec.extend(d.ravel())


# The whole sky, and survey depths of Dec.
add(rng.uniform(0, 360, 600), np.degrees(np.arcsin(rng.uniform(-1, 1, 600))))
# Both poles, ever nearer.
for s in (1, -1):
    for k in range(0, 13):
        add(rng.uniform(0, 360, 6), s * (90 - 10.0 ** -k))
    add([0, 0.1, 45, 90, 180, 270, 359.999999], s * 90)
# RA 0 and 360, and the meridians between the base pixels.
for m in (0, 45, 90, 135, 180, 225, 270, 315, 360):
    for e in (0, 1e-13, 1e-9, 1e-5):
        add([(m - e) % 360, (m + e) % 360], rng.uniform(-89, 89, 2))
# Where the caps begin.
cap = np.degrees(np.arcsin(2 / 3))
for s in (1, -1):
    for e in (0, 1e-14, 1e-12, 1e-9, 1e-6):
        add(rng.uniform(0, 360, 4), s * (cap + e))
        add(rng.uniform(0, 360, 4), s * (cap - e))
# Base pixels' centres and corners, and pixels' own corners and centres at some orders.
for order in (0, 1, 7, 29):
    n = 12 * 4 ** order
    ids = np.arange(n) if n <= 48 else rng.integers(0, n, 40)
    lon, lat = healpix_to_lonlat(ids, order)
    add(lon.deg, lat.deg, int(order < 29))  # which deeper pixels meet in
    lon, lat = vertices(ids, order)
    add(lon.deg % 360, np.clip(lat.deg, -90, 90), 1)

ids = lonlat_to_healpix(Longitude(ra, u.deg), Latitude(dec, u.deg), 29)
print("ra,dec,pixel,on_edge")
for r, d, i, e in zip(ra, dec, ids, edge):
    print(f"{float(r)!r},{float(d)!r},{int(i)},{e}")
