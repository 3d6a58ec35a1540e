"""The plain way: what constellation does, with astropy and boto3 as their manuals have it.

    plain.py headers '{"uri": ...}'    the headers of all HDUs of a file
    plain.py tile '{...}'              sub-tiles: HDUs by name into files, and rows of the catalogue

A tile's files are opened "once" for all sub-tiles, or anew for each, as a script does that makes one.

Prints one JSON object: seconds (imports not counted), requests, bytes read, the most memory it had, and what came of it.
"""

import io
import json
import os
import sys
import time

import boto3
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS


class Counted:
    """A boto3 client that counts."""

    def __init__(self):
        self.s3, self.requests, self.bytes = boto3.client("s3"), 0, 0

    def call(self, method, **arguments):
        self.requests += 1
        return getattr(self.s3, method)(**arguments)

    def read(self, **arguments):
        data = self.call("get_object", **arguments)["Body"].read()
        self.bytes += len(data)
        return data


class Remote(io.RawIOBase):
    """An object as a file that can be read from any place: one ranged GET for each read."""

    def __init__(self, client, uri):
        self.client, self.at = client, 0
        self.bucket, self.key = uri.removeprefix("s3://").split("/", 1)
        self.size = client.call("head_object", Bucket=self.bucket, Key=self.key)["ContentLength"]

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def tell(self):
        return self.at

    def readinto(self, buffer):
        n = min(len(buffer), self.size - self.at)
        if n <= 0:
            return 0
        buffer[:n] = self.client.read(Bucket=self.bucket, Key=self.key, Range=f"bytes={self.at}-{self.at + n - 1}")
        self.at += n
        return n


def opened(client, uri):
    return fits.open(io.BufferedReader(Remote(client, uri), 1 << 15), memmap=False, lazy_load_hdus=True)


def headers(client, job):
    with opened(client, job["uri"]) as hdus:
        quadrants = [h for h in hdus if h.name.endswith(".SCI")]
        corners = [WCS(h.header).calc_footprint(axes=(h.header["NAXIS1"], h.header["NAXIS2"])) for h in quadrants]
        return {"hdus": len(hdus), "footprints": len(corners)}


class Kept:
    """Where files go: to a directory that they leave again, by way of a bucket if there is one."""

    def __init__(self, client, job):
        self.s3, self.dir, self.to = client.s3, job["dir"], job.get("upload")
        self.files = self.written = 0
        self.seconds = 0.0  # of uploading

    def path(self, name):
        return os.path.join(self.dir, name.replace("/", "_"))

    def keep(self, name):
        path = self.path(name)
        self.files, self.written = self.files + 1, self.written + os.path.getsize(path)
        if self.to:
            start = time.monotonic()
            bucket, key = self.to.removeprefix("s3://").split("/", 1)
            self.s3.upload_file(path, bucket, f"{key}/{name}")
            self.seconds += time.monotonic() - start
        os.remove(path)


def tile(client, job):
    kept, rows, once = Kept(client, job), 0, {}
    for sub in job["sub_tiles"]:
        for product in sub["products"]:
            source = product["source"]
            hdus = once.get(source) or opened(client, source)
            if job["once"]:
                once[source] = hdus
            name = f"{sub['name']}/{product['path']}"
            out = fits.HDUList([hdus[0]] + [hdus[name] for name in product["hdus"]])
            out.writeto(kept.path(name), overwrite=True, output_verify="ignore")
            if not job["once"]:
                hdus.close()
            kept.keep(name)
    files = kept.files
    bucket, key = job["catalog"].removeprefix("s3://").split("/", 1)
    with fits.open(io.BytesIO(client.read(Bucket=bucket, Key=key))) as hdus:
        data = hdus[1].data
        ra, dec = (np.radians(data[c]) for c in ("RIGHT_ASCENSION", "DECLINATION"))
        ra0, dec0 = np.radians(job["centre"])
        depth = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(ra - ra0)
        xi = np.degrees(np.cos(dec) * np.sin(ra - ra0) / depth)
        eta = np.degrees((np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(ra - ra0)) / depth)
        for sub in job["sub_tiles"]:
            low_xi, high_xi, low_eta, high_eta = sub["extended"]
            inside = (xi >= low_xi) & (xi < high_xi) & (eta >= low_eta) & (eta < high_eta)
            name = f"{sub['name']}/catalog.fits"
            fits.BinTableHDU(data[inside], header=hdus[1].header).writeto(kept.path(name), overwrite=True)
            kept.keep(name)
            rows += int(inside.sum())
    return {"files": files, "written": kept.written, "rows": rows, "upload_seconds": kept.seconds}


def peak_memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    client = Counted()
    start = time.monotonic()
    said = {"headers": headers, "tile": tile}[sys.argv[1]](client, json.loads(sys.argv[2]))
    print(json.dumps({"seconds": time.monotonic() - start, "requests": client.requests, "bytes": client.bytes, "memory": peak_memory(), **said}))
