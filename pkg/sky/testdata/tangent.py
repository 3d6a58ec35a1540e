"""Makes tangent.json: gnomonic projections, separations and bounding boxes by astropy.

pip install astropy==7.1.0 numpy==2.2.6; python tangent.py > tangent.json
"""
import json

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

CENTRES = [(57.9990741, -51.5), (267.3807789, 65.4983), (0.0, 0.0), (359.95, 12.0), (0.02, -30.0),
           (120.0, 89.9), (120.0, 90.0), (300.0, -89.8), (300.0, -90.0), (180.0, 45.0)]
HALF = 17 / 60


def plane(ra, dec):
    w = WCS(naxis=2)
    w.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    w.wcs.crval = [ra, dec]
    w.wcs.crpix = [0, 0]
    w.wcs.cdelt = [1, 1]
    w.wcs.lonpole = 180
    return w


def bounds(w, box):
    """By dense sampling of the box's interior and edges."""
    xi = np.linspace(box[0], box[1], 601)
    eta = np.linspace(box[2], box[3], 601)
    x, y = (a.ravel() for a in np.meshgrid(xi, eta))
    ra, dec = w.wcs_pix2world(x, y, 1)
    middle = w.wcs_pix2world((box[0] + box[1]) / 2, (box[2] + box[3]) / 2, 1)[0]
    d = (ra - middle + 180) % 360 - 180
    low = (middle + d.min()) % 360
    return [low, low + d.max() - d.min()], [dec.min(), dec.max()]


rng = np.random.default_rng(20241017)
out = []
for ra, dec in CENTRES:
    w = plane(ra, dec)
    xi, eta = rng.uniform(-HALF, HALF, (2, 8))
    xi[-1], eta[-1] = 20.0, -35.0
    lon, lat = w.wcs_pix2world(xi, eta, 1)
    sep = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(lon, lat, unit="deg")).deg
    points = [dict(xi=a, eta=b, ra=c, dec=d, separation=s) for a, b, c, d, s in zip(xi, eta, lon, lat, sep)]
    boxes = []
    for box in ([-HALF, HALF, -HALF, HALF], [-HALF, -0.1, 0.05, HALF], [0.15, HALF, -HALF, -0.15]):
        r, d = bounds(w, box)
        boxes.append(dict(box=box, ra=r, dec=d))
    out.append(dict(ra=ra, dec=dec, points=points, boxes=boxes))
print(json.dumps(out, indent=1))
