"""``python -m constellation_shine``: the adapter, whatever SHINE has."""

from constellation_shine.cli import main

raise SystemExit(main())
