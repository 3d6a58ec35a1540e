"""The optimisation behind MAP and VI: SHINE's, step by step.

SHINE hands all steps to numpyro at once and keeps no loss of a MAP. Here the
same guide, optimiser and objective take the same steps, and between them there
is time to look: a loss that is not finite ends it, the losses are kept for the
report, and the state is saved now and then and when the process is told to
stop, so that the next attempt goes on where this one was.
"""

import hashlib
import logging
import os
import signal
import time
import zipfile
from pathlib import Path

import numpy as np

from constellation_shine.failure import DIVERGED, STOPPED, Failure

log = logging.getLogger(__name__)
DIRECTORY = "CONSTELLATION_CHECKPOINT_DIR"  # set by whoever keeps what is left in it
EVERY = 60.0  # seconds between two checkpoints
_LINE = 10.0  # seconds between two lines of the log
_BAD = 10  # steps in a row whose loss is not finite


class Checkpoint:
    """One optimisation's state in a file; nothing where no directory is set.

    The fingerprint is of what the state belongs to: another configuration's or
    sub-tile's is not taken.
    """

    def __init__(self, name: str, *belongs: str) -> None:
        directory = os.environ.get(DIRECTORY)
        self.path = Path(directory) / f"{name}.npz" if directory else None
        self.fingerprint = hashlib.sha256("\0".join(belongs).encode()).hexdigest()

    def save(self, state, losses: list[float]) -> None:
        if self.path is None:
            return
        import jax

        leaves = {f"leaf{i}": np.asarray(v) for i, v in enumerate(jax.tree.leaves(state))}
        part = self.path.with_suffix(".part.npz")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(part, losses=np.array(losses), fingerprint=self.fingerprint, **leaves)
            os.replace(part, self.path)
        except OSError as e:
            log.warning("the checkpoint could not be written: %s", e)

    def load(self, state):
        """The state and its losses, or the state that is given and none."""
        if self.path is None or not self.path.exists():
            return state, []
        import jax
        import jax.numpy as jnp

        leaves, tree = jax.tree.flatten(state)
        try:
            with np.load(self.path) as kept:
                if str(kept["fingerprint"]) != self.fingerprint:
                    raise ValueError("it belongs to something else")
                found = [kept[f"leaf{i}"] for i in range(len(leaves))]
                losses = kept["losses"].tolist()
            if any(np.shape(a) != np.shape(b) or a.dtype != np.asarray(b).dtype for a, b in zip(found, leaves)):
                raise ValueError("its shapes are others")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as e:
            log.warning("the checkpoint is not used: %s", e)
            return state, []
        log.info("going on from step %d", len(losses))
        return jax.tree.unflatten(tree, [jnp.asarray(v) for v in found]), losses


def descend(svi, key, steps: int, images, kept: Checkpoint):
    """Take the steps; returns the last state's parameters and the loss of every step."""
    import jax

    try:
        start = svi.init(key, observed_data=images)
    except RuntimeError as e:
        if "valid initial parameters" not in str(e):
            raise
        raise Failure(DIVERGED, "the model can't be drawn where it begins, at the catalogue's values: look at the priors, and at the catalogue") from e
    state, losses = kept.load(start)
    # A step to where nothing can be drawn is not taken.
    step = jax.jit(lambda state, images: svi.stable_update(state, observed_data=images))
    stop, before = [], None
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    except ValueError:  # not in the main thread: then whoever runs this sees to it
        pass
    said = saved = time.monotonic()
    try:
        while len(losses) < steps:
            state, loss = step(state, images)
            losses.append(float(loss))
            now, n = time.monotonic(), len(losses)
            if n >= _BAD and not np.isfinite(losses[-_BAD:]).any():
                raise Failure(DIVERGED, f"the loss is not finite at step {n}: lower the learning rate or narrow the priors")
            if now - said > _LINE or n == steps:
                log.info("step %d of %d, loss %.8g", n, steps, losses[-1])
                said = now
            if stop:
                kept.save(state, losses)
                raise Failure(STOPPED, f"told to stop after step {n} of {steps}")
            if now - saved > EVERY:
                kept.save(state, losses)
                saved = now
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    kept.save(state, losses)
    return svi.get_params(state), np.array(losses)
