"""Compares a run's products with the survey's files, by astropy alone.

usage: check_products.py run-directory server-directory

The server's directory holds the buckets: s3://bucket/key is bucket/key in it.
Every HDU of every consolidated file must have the cards and the data bytes of
the source's HDU of that name, and every catalogue row the bytes of the
source's row of that object. Prints what it compared.
"""
import pathlib
import sys
import warnings

from astropy.io import fits
import numpy

warnings.simplefilter("error")
run, server = map(pathlib.Path, sys.argv[1:])


def scalar(text):
    return text.strip().strip('"')


def quadrants(path):
    """The flow mappings of a manifest's list of quadrants; no YAML reader is installed."""
    for line in path.read_text().splitlines():
        if line.startswith("  - {sci_path:"):
            pairs = line.strip()[len("- {"):-1].split(", ")
            yield {k: scalar(v) for k, v in (p.split(": ", 1) for p in pairs)}


def source(uri):
    return server / uri.removeprefix("s3://")


def raw(path, hdu):
    """The bytes of an HDU as they lie in its file, by astropy's offsets."""
    info = hdu.fileinfo()
    with open(path, "rb") as f:
        f.seek(info["hdrLoc"])
        return f.read(info["datLoc"] + info["datSpan"] - info["hdrLoc"])


compared = rows = 0
for local in sorted(run.glob("*/*/manifest_local.yaml")):
    pairs = {}
    for ours, theirs in zip(quadrants(local), quadrants(local.with_name("manifest.yaml")), strict=True):
        for key in ("sci_path", "rms_path", "flg_path", "bkg_path", "wgt_path", "psf_path"):
            if ours[key]:
                pairs[local.parent / ours[key]] = source(theirs[key])
    assert pairs, local
    for ours, theirs in pairs.items():
        with fits.open(ours, memmap=False) as a, fits.open(theirs, memmap=False) as b:
            assert raw(ours, a[0]) == raw(theirs, b[0]), ours
            for hdu in a[1:]:
                assert raw(ours, hdu) == raw(theirs, b[hdu.name]), (ours, hdu.name)
                assert hdu.header.tostring() == b[hdu.name].header.tostring(), (ours, hdu.name)
                compared += 1
    catalogs = {scalar(line.split("- ", 1)[1]) for line in local.with_name("manifest.yaml").read_text().splitlines()
                if line.startswith("  - ") and "FINAL-CAT" in line}
    known = {}
    for uri in catalogs:
        with fits.open(source(uri), memmap=False) as b:
            data = numpy.asarray(b[1].data.view(numpy.recarray))
            for i, object_id in enumerate(data["OBJECT_ID"]):
                known[int(object_id)] = data[i:i + 1].tobytes()
    with fits.open(local.with_name("catalog.fits"), memmap=False) as a:
        data = numpy.asarray(a[1].data.view(numpy.recarray))
        assert all(n == n.lower() for n in a[1].columns.names), local
        for i, object_id in enumerate(data["object_id"]):
            assert data[i:i + 1].tobytes() == known[int(object_id)], (local, object_id)
            rows += 1
assert compared and rows
print(f"{compared} HDUs and {rows} catalogue rows equal their sources")
