"""SHINE on one sub-tile directory of constellation.

The package offers the command line

    python -m shine.euclid.run --manifest M --config C --output DIR

on SHINE's own classes for as long as SHINE has no such module; see
:mod:`constellation_shine_hook` for how it steps aside. It knows the sub-tile
directory (manifest, FITS files, Parquet results) and SHINE's ``ExposureSet``;
priors, rendering and inference are SHINE's.
"""

__version__ = "0.1.0"
