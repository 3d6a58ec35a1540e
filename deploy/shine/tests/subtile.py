"""Makes small sub-tile directories with a known truth, without SHINE.

Galaxies are Gaussians here: their images are exact in closed form, and so are
the effective PSF's. SHINE fits exponential discs, so these serve the reading,
not the measuring, which the simulated survey's test is for.
"""

import json
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

SCALE = 0.1  # arcsec per pixel
CENTRE = (57.99, -51.5)


def tpv(nx, ny, pa=0.0, ra=CENTRE[0], dec=CENTRE[1], quad=2e-3, exptime=560.52, zero=24.5):
    """A header with a strong TPV distortion; ``pa`` turns the detector."""
    h, (s, c) = fits.Header(), (np.sin(np.radians(pa)), np.cos(np.radians(pa)))
    d = SCALE / 3600
    for key, value in {
        "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CUNIT1": "deg", "CUNIT2": "deg",
        "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": (nx + 1) / 2, "CRPIX2": (ny + 1) / 2,
        "CD1_1": -d * c, "CD1_2": d * s, "CD2_1": d * s, "CD2_2": d * c,
        "PV1_1": 1.0, "PV1_4": quad * 10, "PV1_5": quad * 5, "PV2_1": 1.0, "PV2_6": -quad * 10,
        "GAIN": 3.48, "EXPTIME": exptime, "MAGZEROP": str(zero),
    }.items():
        h[key] = value
    return h


def gaussian(n, sigma, x=0.0, y=0.0):
    p = np.arange(n) - n // 2
    gx, gy = (np.exp(-((p - m) ** 2) / 2 / sigma**2) / np.sqrt(2 * np.pi) / sigma for m in (x, y))
    return np.outer(gy, gx)


def make(directory: Path, quadrants, sources, core=None, change=None) -> Path:
    """Write a sub-tile. ``quadrants`` are (name, exposure, header, image); the manifest's path is returned."""
    (directory / "exposures").mkdir(parents=True)
    (directory / "psf").mkdir()
    listed, files = [], {}
    for name, exposure, header, image in quadrants:
        files.setdefault(exposure, []).append((name, header, image))
        stem = "_".join(exposure)
        listed.append({"sci_path": f"exposures/{stem}_sci.fits", "rms_path": f"exposures/{stem}_sci.fits", "flg_path": f"exposures/{stem}_sci.fits",
                       "bkg_path": f"exposures/{stem}_bkg.fits", "wgt_path": "", "psf_path": f"psf/{stem}_psf.fits", "quadrant": name,
                       "obs_id": exposure[0], "dither": exposure[1], "ccd": exposure[2]})
    for exposure, parts in files.items():
        stem = "_".join(exposure)
        sci, bkg, psf = fits.HDUList([fits.PrimaryHDU()]), fits.HDUList([fits.PrimaryHDU()]), fits.HDUList([fits.PrimaryHDU()])
        for name, header, image in parts:
            back = np.full(image.shape, 100, np.float32) + np.arange(image.shape[1], dtype=np.float32)
            sci += [fits.ImageHDU((image + back).astype(np.float32), header, name=f"{name}.SCI"),
                    fits.ImageHDU(np.full(image.shape, 2, np.float32), header, name=f"{name}.RMS"),
                    fits.ImageHDU(np.zeros(image.shape, np.int32), header, name=f"{name}.FLG")]
            bkg.append(fits.ImageHDU(back, name=name))
            psf.append(fits.ImageHDU(np.tile(gaussian(21, 0.8), (9, 9)).astype(np.float32), name=name))
        sci.writeto(directory / f"exposures/{stem}_sci.fits")
        bkg.writeto(directory / f"exposures/{stem}_bkg.fits")
        psf.writeto(directory / f"psf/{stem}_psf.fits")
    ids = [int(s["object_id"]) for s in sources]
    if sources:
        Table(rows=sources).write(directory / "catalog.fits")
    doc = {"tile_id": 102018211, "sub_tile_row": 1, "sub_tile_col": 2, "centre": list(CENTRE), "quadrants": listed,
           "sky_bounds": {"core_ra": [57.9, 58.0], "core_dec": [-51.6, -51.4], "extended_ra": [57.8, 58.1], "extended_dec": [-51.7, -51.3]},
           "source_catalog": "catalog.fits", "source_ids": ids, "core_source_ids": ids if core is None else core}
    if change:
        change(doc)
    (directory / "manifest_local.yaml").write_text(json.dumps(doc))
    return directory / "manifest_local.yaml"


def source(i, ra, dec, flux=10.0, axis=3.0, **more):
    """A catalogue row, as SHINE selects it."""
    return {"object_id": -(10**17) - i, "right_ascension": ra, "declination": dec, "flux_detection_total": np.float32(flux),
            "fluxerr_detection_total": np.float32(flux / 50), "semimajor_axis": np.float32(axis), "vis_det": np.int16(1),
            "spurious_flag": np.int16(0), "point_like_flag": np.int16(0), "det_quality_flag": np.int16(0), **more}
