"""Reads the golden manifest with PyYAML, as SHINE does: pip install pyyaml; python check.py"""
import pathlib
import yaml

m = yaml.safe_load((pathlib.Path(__file__).parent / "manifest.yaml").read_text())
first, second = m["quadrants"]
assert (first["obs_id"], first["dither"], first["ccd"]) == ("002704", "00", "1")
assert (second["obs_id"], second["dither"], second["ccd"]) == ("1_000", "12:30", "0x1")
assert (second["wgt_path"], second["psf_path"]) == ("yes", "null")
assert second["sci_path"] == 's3://b/a b/x: #y "z"\\ü<&>.fits'
assert m["source_ids"][:2] == [-(2**63), -512345678901234567] and m["source_ids"][-1] == 2**63 - 1
assert m["sky_bounds"]["extended_dec"] == [-51.00000001, 1e-07]
assert all(isinstance(v, float) for r in m["sky_bounds"].values() for v in r)
assert m["config_id"] == "00e5" and m["files"][0]["sha256"] == "00"
assert m["files"][1] == {"path": "psf/a.fits", "size": 8640, "crc64nvme": "rosUhgp5mIg="}
assert m["core_coverage"] == {"fraction": 0.999999, "mean_depth": 2.75, "min_depth": 0, "max_depth": 3, "by_depth": [1e-06, 0.0, 0.25, 0.75]}
