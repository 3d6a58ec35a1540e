"""What ``python -m shine.euclid.run`` runs where SHINE has no such module."""

from constellation_shine.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
