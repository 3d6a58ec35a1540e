"""The optimisation: what it keeps, where it goes on, how it ends. Needs numpyro, not SHINE."""

import os
import signal

import numpy as np
import pytest

numpyro = pytest.importorskip("numpyro", reason="numpyro is not installed")
from constellation_shine import descend as d  # noqa: E402
from constellation_shine.failure import DIVERGED, STOPPED, Failure  # noqa: E402

DATA = np.linspace(1, 2, 50, dtype=np.float32)


def svi(model=None, rate=0.05):
    from numpyro import distributions as dist
    from numpyro.infer import SVI, Trace_ELBO
    from numpyro.infer.autoguide import AutoNormal

    def line(observed_data=None):
        mean = numpyro.sample("mean", dist.Normal(0, 10))
        numpyro.sample("obs", dist.Normal(mean, 0.3).expand([50]).to_event(1), obs=observed_data)

    model = model or line
    return SVI(model, AutoNormal(model), numpyro.optim.Adam(rate), Trace_ELBO())


def key():
    import jax

    return jax.random.PRNGKey(3)


def run(steps, name="map", **more):
    return d.descend(svi(**more), key(), steps, DATA, d.Checkpoint("state", name))


def test_as_numpyro_does_it(monkeypatch):
    monkeypatch.delenv(d.DIRECTORY, raising=False)
    params, losses = run(40)
    theirs = svi().run(key(), 40, observed_data=DATA, progress_bar=False)
    assert losses == pytest.approx(np.asarray(theirs.losses), rel=1e-5)
    for k, v in theirs.params.items():
        assert np.asarray(params[k]) == pytest.approx(np.asarray(v), rel=1e-5)


def test_goes_on_where_it_was_stopped(monkeypatch, tmp_path):
    monkeypatch.delenv(d.DIRECTORY, raising=False)
    whole, losses = run(60)
    monkeypatch.setenv(d.DIRECTORY, str(tmp_path))

    class Watch(list):  # SIGTERM comes in the 25th step
        def append(self, value):
            super().append(value)
            if len(self) == 25:
                os.kill(os.getpid(), signal.SIGTERM)

    load = d.Checkpoint.load
    monkeypatch.setattr(d.Checkpoint, "load", lambda self, state: (load(self, state)[0], Watch()))
    with pytest.raises(Failure, match="after step 25 of 60") as e:
        run(60)
    assert e.value.code == STOPPED and (tmp_path / "state.npz").exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    monkeypatch.setattr(d.Checkpoint, "load", load)
    params, again = run(60)
    assert again.tolist() == losses.tolist()
    assert {k: np.asarray(v).tolist() for k, v in params.items()} == {k: np.asarray(v).tolist() for k, v in whole.items()}


@pytest.mark.parametrize("spoil", ["other", "garbled", "empty"])
def test_a_checkpoint_that_is_not_its_own_is_not_used(monkeypatch, tmp_path, spoil, caplog):
    monkeypatch.setenv(d.DIRECTORY, str(tmp_path))
    run(10, name="other" if spoil == "other" else "map")
    if spoil == "garbled":
        (tmp_path / "state.npz").write_bytes((tmp_path / "state.npz").read_bytes()[:100])
    if spoil == "empty":
        (tmp_path / "state.npz").write_bytes(b"")
    with caplog.at_level("WARNING"):
        _, losses = run(20)
    assert len(losses) == 20 and "is not used" in caplog.text


def test_a_loss_that_is_not_finite_ends_it(monkeypatch):
    monkeypatch.delenv(d.DIRECTORY, raising=False)
    with pytest.raises(Failure, match="not finite at step 11") as e:
        run(1000, rate=1e38)
    assert e.value.code == DIVERGED


def test_no_place_to_begin(monkeypatch):
    monkeypatch.delenv(d.DIRECTORY, raising=False)

    def broken(observed_data=None):
        from numpyro import distributions as dist

        numpyro.factor("hole", numpyro.sample("x", dist.Normal(0, 1)) * np.nan)

    with pytest.raises(Failure, match="can't be drawn where it begins") as e:
        run(10, model=broken)
    assert e.value.code == DIVERGED
