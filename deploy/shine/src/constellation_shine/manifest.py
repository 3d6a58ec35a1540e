"""manifest_local.yaml: what constellation says about a sub-tile."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from constellation_shine.failure import BAD_DATA, NO_INPUT, Failure


@dataclass(frozen=True)
class Quadrant:
    """One CCD quadrant of one exposure. Paths are absolute."""

    name: str  # "3-4.F"
    exposure: tuple[str, str, str]  # observation, dither, exposure number
    sci: Path
    bkg: Path
    psf: Path

    def __str__(self) -> str:
        return "{} of {}".format(self.name, "_".join(self.exposure))


@dataclass(frozen=True)
class Manifest:
    """A sub-tile. Positions are ICRS degrees."""

    tile: int
    row: int
    col: int
    centre: tuple[float, float]
    quadrants: tuple[Quadrant, ...]
    catalog: Path
    sources: frozenset[int]  # in the extended area: those to model
    core: frozenset[int]  # in the core: those to report


def load(path: Path) -> Manifest:
    """Read a manifest; paths in it are relative to its directory."""
    try:
        text = path.read_text()
    except OSError as e:
        raise Failure(NO_INPUT, f"read the manifest: {e}") from e
    try:
        doc = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return _manifest(doc, path.resolve().parent)
    except KeyError as e:
        raise Failure(BAD_DATA, f"{path}: key {e} is missing") from e
    except (yaml.YAMLError, TypeError, ValueError) as e:
        raise Failure(BAD_DATA, f"{path}: {e}") from e


def _manifest(doc: dict, base: Path) -> Manifest:
    quadrants = tuple(
        Quadrant(
            name=str(q["quadrant"]),
            exposure=(str(q["obs_id"]), str(q["dither"]), str(q["ccd"])),
            sci=base / q["sci_path"], bkg=base / q["bkg_path"], psf=base / q["psf_path"],
        )
        for q in doc["quadrants"] or ()
    )
    sources = frozenset(map(int, doc["source_ids"] or ()))
    core = frozenset(map(int, doc["core_source_ids"] or ()))
    if not core <= sources:
        raise ValueError(f"core source {min(core - sources)} is not among source_ids")
    return Manifest(
        tile=int(doc["tile_id"]), row=int(doc["sub_tile_row"]), col=int(doc["sub_tile_col"]),
        centre=_centre(doc), quadrants=quadrants, catalog=base / doc["source_catalog"],
        sources=sources, core=core,
    )


def _centre(doc: dict) -> tuple[float, float]:
    """The sub-tile's centre; manifests without it have the middle of their bounds."""
    if "centre" in doc:
        ra, dec = map(float, doc["centre"])
    else:
        bounds = doc["sky_bounds"]
        ra, dec = (sum(map(float, bounds[k])) / 2 for k in ("core_ra", "core_dec"))
    return ra % 360.0, dec
