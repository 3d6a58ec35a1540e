"""Reads the newest snapshot of a table with readers that are not iceberg-go.

usage: read_rows.py metadata.json

Prints one JSON object for each reader that there is: its name and the rows as
[tile, row, col, object, config, value], sorted. DuckDB needs its iceberg extension.
"""
import json
import sys

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

try:
    import duckdb

    db = duckdb.connect()
    try:
        from duckdb_extensions import import_extension  # wheels that have it
        

        for name in ("avro", "iceberg"):
            import_extension(name, con=db)
    except ImportError:
        pass
    db.execute("LOAD iceberg")
    rows = db.execute(f"select {', '.join(columns)} from iceberg_scan('{path}')").fetchall()
except Exception as err:  # no extension
    if "iceberg_scan" in str(err) or "extension" in str(err).lower():
        print("no duckdb:", str(err).splitlines()[0], file=sys.stderr)
    else:
        raise
else:
    show("duckdb", rows)
