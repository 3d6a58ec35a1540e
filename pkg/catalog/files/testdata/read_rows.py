"""Reads the newest snapshot of a table with readers that are not iceberg-go.

usage: read_rows.py metadata.json

Prints one JSON object for each reader that there is: its name and the rows as
[tile, row, col, object, config, value], sorted. DuckDB needs its iceberg extension.
"""
import glob
import importlib.util
import json
import os
import sys

os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")

from pyiceberg.table import StaticTable

COLUMNS = ["TILE_ID", "SUBTILE_ROW", "SUBTILE_COL", "OBJECT_ID", "CONFIG_ID", "VALUE"]


def show(reader, rows):
    rows = [[v if v == v else "NaN" for v in row] for row in rows]
    print(json.dumps({"reader": reader, "rows": sorted(rows, key=str)}))


path = sys.argv[1].removeprefix("file://")
table = StaticTable.from_metadata(path)
names = [f.name for f in table.schema().fields]
tile = table.schema().find_field(1).name
columns = [tile] + COLUMNS[1:]
arrow = table.scan().to_arrow()
show("pyiceberg", zip(*(arrow[c].to_pylist() for c in columns)))

try:
    import polars
except ImportError:
    print("no polars", file=sys.stderr)
else:
    frame = polars.scan_iceberg(table).select(columns).collect()
    show("polars", frame.rows())



def extension(name):
    """where a wheel has the extension, else its name"""
    spec = importlib.util.find_spec("duckdb_extension_" + name)
    found = [f for d in spec.submodule_search_locations for f in glob.glob(f"{d}/extensions/*/{name}.duckdb_extension")] if spec else []
    return f"'{found[0]}'" if found else name


try:
    import duckdb

    db = duckdb.connect()
    for name in ("avro", "iceberg"):
        db.execute("LOAD " + extension(name))
except Exception as err:
    print("no duckdb:", str(err).splitlines()[0], file=sys.stderr)
else:
    rows = db.execute(f"select {', '.join(columns)} from iceberg_scan('{path}')").fetchall()
    show("duckdb", rows)
