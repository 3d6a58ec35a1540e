"""Tests that need SHINE with its Euclid backend are skipped loudly where it is missing."""

import importlib.util
import os

import pytest

# The adapter's modules import SHINE inside functions, so that most tests run without it.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("EQX_ON_ERROR", "nan")  # as the command sets it; read when SHINE is imported


def has_shine() -> bool:
    try:
        return importlib.util.find_spec("shine.euclid.scene") is not None
    except ImportError:
        return False


HAS_SHINE = has_shine()
WARNING = ("SHINE WITH ITS EUCLID BACKEND IS NOT INSTALLED: the tests that run the adapter on the real SHINE were SKIPPED. "
           "Install CosmoStat/SHINE from its git main beside the adapter to run them.")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("shine") and not HAS_SHINE:  # its keywords have the directory's name too
            item.add_marker(pytest.mark.skip(reason="SHINE's Euclid backend is not installed"))


def pytest_terminal_summary(terminalreporter):
    if not HAS_SHINE:
        terminalreporter.section("SHINE", red=True, bold=True)
        terminalreporter.line(WARNING)
