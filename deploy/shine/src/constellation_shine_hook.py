"""Offers ``shine.euclid.run`` where SHINE itself has no such module.

A finder at the *end* of ``sys.meta_path`` is asked only for what no other
finder has. So SHINE's own module wins from the day that it exists, whatever
SHINE's version and however it is installed, and nothing of SHINE is changed.
``constellation_shine.pth`` installs the finder when the interpreter starts.

The alternatives: a file put into SHINE's package directory is lost, or in the
way, when SHINE is updated; a namespace package can't be joined, since
``shine/__init__.py`` exists; a command of another name would need the
configuration to be changed twice. ``python -m constellation_shine`` is there
all the same: it runs the adapter whatever SHINE has.

This module is imported by every start of the interpreter, and so it imports
nothing, and is no part of the package: that may come from elsewhere later.
"""

import sys

NAME = "shine.euclid.run"


class Finder:
    """Finds one module, and only if its parent, SHINE's own package, was found."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != NAME:
            return None
        import importlib.util

        run = importlib.util.find_spec("constellation_shine.run")
        return run and importlib.util.spec_from_file_location(name, run.origin)


def install():
    """Put the finder last, once."""
    if Finder not in sys.meta_path:
        sys.meta_path.append(Finder)
