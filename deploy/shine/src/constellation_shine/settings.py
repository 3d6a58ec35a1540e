"""inference.yaml: SHINE's own configuration, and settings of the adapter.

constellation hands over the sections ``inference`` and ``gal`` as they were
written. The file may have every other section of SHINE's Euclid configuration
too (``sources``, ``galaxy_stamp_sizes``, ``background``, and ``data`` without
its paths, which the manifest gives), at its top or inside ``inference``, which
is the place that constellation's configuration can carry. ``adapter`` beside
them holds what is not SHINE's::

    adapter:
      psf_includes_pixel: true    # the PSF product is the effective PSF
      psf_wings: true             # continue its stamps to where their light adds up to 1
      laplace: true               # errors of map and vi; false: nulls
      newton_steps: 3             # at most so many to finish a MAP with; 0: as SHINE leaves it
      batch: 64                   # sources drawn at once, of the smallest stamps; 0: all, as SHINE does
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from constellation_shine.failure import BAD_CONFIG, NO_INPUT, Failure
from constellation_shine.manifest import Manifest

_SHINE = {"inference", "gal", "sources", "galaxy_stamp_sizes", "background", "data", "output_dir"}
_MOVED = {"sources", "galaxy_stamp_sizes", "background", "data", "adapter"}
_PATHS = {"exposure_paths", "psf_path", "catalog_path", "background_paths", "quadrant"}


@dataclass(frozen=True)
class Adapter:
    """What is the adapter's to decide."""

    psf_includes_pixel: bool = True
    psf_wings: bool = True
    laplace: bool = True
    newton_steps: int = 3  # they need laplace
    batch: int = 64  # sources


@dataclass(frozen=True)
class Settings:
    """SHINE's configuration (an ``EuclidInferenceConfig``), and the adapter's."""

    shine: Any
    adapter: Adapter


def load(path: Path, manifest: Manifest) -> Settings:
    """Read and check the configuration. Needs SHINE."""
    try:
        doc = yaml.safe_load(path.read_text()) or {}
    except OSError as e:
        raise Failure(NO_INPUT, f"read the configuration: {e}") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise Failure(BAD_CONFIG, f"{path}: {e}") from e
    sections = arrange(doc)
    adapter = _adapter(sections.pop("adapter", None) or {})
    return Settings(_shine(sections, manifest), adapter)


def arrange(doc: Any) -> dict[str, Any]:
    """Bring the sections to where SHINE has them; refuse what nobody reads."""
    if not isinstance(doc, dict):
        raise Failure(BAD_CONFIG, "the configuration is not a mapping of sections")
    out = dict(doc)
    inference = out.get("inference") or {}
    if not isinstance(inference, dict):
        raise Failure(BAD_CONFIG, "inference is not a mapping")
    for key in _MOVED & inference.keys():
        if key in doc:
            raise Failure(BAD_CONFIG, f"{key} stands at the top and inside inference")
        out[key] = inference[key]
    out["inference"] = {k: v for k, v in inference.items() if k not in _MOVED}
    if unknown := sorted(out.keys() - _SHINE - {"adapter"}):
        raise Failure(BAD_CONFIG, f"nobody reads {unknown[0]!r}: sections are {', '.join(sorted(_SHINE | {'adapter'}))}")
    if paths := sorted(_PATHS & set(out.get("data") or {})):
        raise Failure(BAD_CONFIG, f"data.{paths[0]} is the manifest's to say")
    out.setdefault("background", "fixed")
    if out["background"] == "fit":
        raise Failure(BAD_CONFIG, "background: fit is not in SHINE's model: use fixed or median")
    if out.get("gal") is None:
        out.pop("gal", None)  # SHINE's default priors
    return out


def _adapter(doc: dict) -> Adapter:
    known = {f.name for f in fields(Adapter)}
    if not isinstance(doc, dict):
        raise Failure(BAD_CONFIG, "adapter is not a mapping")
    for key, value in doc.items():
        if key not in known:
            raise Failure(BAD_CONFIG, f"adapter.{key} is none of {', '.join(sorted(known))}")
        wanted = type(getattr(Adapter, key))
        if type(value) is not wanted or value < 0:
            raise Failure(BAD_CONFIG, f"adapter.{key} must be {'true or false' if wanted is bool else 'a count'}, not {value!r}")
    return Adapter(**doc)


def _shine(sections: dict, manifest: Manifest):
    from pydantic import ValidationError
    from shine.euclid import EuclidInferenceConfig
    from shine.config import InferenceConfig, DistributionConfig

    if unknown := sorted(sections["inference"].keys() - InferenceConfig.model_fields.keys()):
        raise Failure(BAD_CONFIG, f"SHINE does not know inference.{unknown[0]}: it knows "
                      + ", ".join(sorted(InferenceConfig.model_fields.keys() | _MOVED)))
    first = manifest.quadrants[0]
    data = dict(sections.get("data") or {}, exposure_paths=[str(q.sci) for q in manifest.quadrants],
                psf_path=str(first.psf), catalog_path=str(manifest.catalog), quadrant=first.name)
    try:
        config = EuclidInferenceConfig(**dict(sections, data=data))
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Failure(BAD_CONFIG, f"SHINE refuses {where}: {first['msg']}") from e
    if config.gal.type != "Exponential":
        raise Failure(BAD_CONFIG, f"SHINE's Euclid scene draws Exponential profiles only, not gal.type {config.gal.type}")
    if not all(isinstance(g, DistributionConfig) for g in (config.gal.shear.g1, config.gal.shear.g2)):
        raise Failure(BAD_CONFIG, "gal.shear is fixed: g1 and g2 need a prior to be measured")
    return config
