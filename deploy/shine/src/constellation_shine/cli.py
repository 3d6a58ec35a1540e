"""The command line, and how it ends."""

import argparse
import errno
import logging
import os
import sys
import time
import warnings
from pathlib import Path

from constellation_shine.failure import NO_GPU, NO_INPUT, NO_MEMORY, NO_OUTPUT, NO_SHINE, Failure, out_of_memory

log = logging.getLogger("constellation_shine")


def main(argv: list[str] | None = None) -> int:
    """Infer one sub-tile; returns the exit code (see :mod:`.failure`)."""
    args = _arguments().parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=args.log_level.upper(), format="%(levelname).1s %(name)s: %(message)s")
    for chatty in ("jax", "jax._src", "matplotlib", "arviz.preview"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Explicitly requested dtype")  # JAX's single precision, as SHINE has it
    warnings.filterwarnings("ignore", category=FutureWarning, module="arviz")
    os.environ.setdefault("TQDM_MININTERVAL", "10")  # seconds between the progress bar's lines in a log
    try:
        run(args.manifest, args.config, args.output)
    except Failure as e:
        return _end(e.code, str(e))
    except MemoryError as e:
        return _end(NO_MEMORY, f"out of memory: {e}")
    except Exception as e:
        if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT):
            return _end(NO_OUTPUT, f"no space is left: {e}")
        if not out_of_memory(e):
            raise
        return _end(NO_MEMORY, "out of memory on the accelerator: " + " ".join(str(e).split())[:300])
    return 0


def run(manifest_path: Path, config_path: Path, output: Path) -> None:
    """What the command does."""
    from constellation_shine import manifest as manifests

    # A sampler may try a shape beyond |e| = 1: that is no place to be, and no reason to die.
    os.environ.setdefault("EQX_ON_ERROR", "nan")
    began = time.monotonic()
    manifest = manifests.load(manifest_path)
    if not config_path.exists():
        raise Failure(NO_INPUT, f"there is no configuration {config_path}")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise Failure(NO_OUTPUT, f"make the output directory: {e}") from e
    needs_shine()
    needs_gpu()

    from constellation_shine import exposures, infer, model, output as results, settings

    try:
        if not manifest.quadrants:  # the configuration can't be complete either
            raise exposures.NothingToDo("no_exposures", "no exposure covers the sub-tile")
        configured = settings.load(config_path, manifest)
        scene = exposures.build(manifest, configured)
    except exposures.NothingToDo as e:
        log.info("%s: %s", e.status, e)
        return results.write_nothing(output, manifest, e.status, str(e))
    log.info("read in %.0f s", time.monotonic() - began)
    began = time.monotonic()
    found = infer.run(model.build(scene, configured), configured)
    log.info("g = (%+.4f +- %.4f, %+.4f +- %.4f) by %s of %d sources, convergence %.3g, in %.0f s", found.shear[0],
             found.shear_err[0], found.shear[1], found.shear_err[1], found.method, len(scene.ids), found.convergence, time.monotonic() - began)
    results.write(output, manifest, scene, found)


def needs_shine() -> None:
    """Fail in one line if SHINE, or the part of it that knows Euclid, is missing."""
    try:
        import shine.euclid.scene  # noqa: F401
    except ImportError as e:
        raise Failure(NO_SHINE, f"SHINE with its Euclid backend is not installed ({e}): "
                      "install CosmoStat's SHINE from its repository; shine-wl 0.0.3 of PyPI has no shine.euclid") from e


def needs_gpu(devices: Path = Path("/dev")) -> None:
    """Fail in the first seconds if JAX leaves a GPU alone that is there and that nobody took from it."""
    if os.environ.get("JAX_PLATFORMS") or os.environ.get("JAX_PLATFORM_NAME"):
        return  # JAX itself fails where it can't have what was asked for
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1") or not any(devices.glob("nvidia[0-9]*")):
        return
    import jax

    if jax.default_backend() == "cpu":
        raise Failure(NO_GPU, "there is a GPU, and JAX computes on the CPU: install jax[cuda12] with a driver that fits, or set JAX_PLATFORMS=cpu")


def _end(code: int, reason: str) -> int:
    print(f"shine: {reason}", file=sys.stderr, flush=True)
    return code


def _arguments() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m shine.euclid.run", description="Infer the shear of one sub-tile directory with SHINE.")
    p.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="the sub-tile's manifest_local.yaml")
    p.add_argument("--config", type=Path, required=True, metavar="FILE", help="SHINE's configuration: inference, gal, ...")
    p.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the results go")
    p.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return p
