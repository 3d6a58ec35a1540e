"""Opens a run's Iceberg tables with readers that are not iceberg-go.

usage: read_tables.py warehouse namespace table run-directory

PyIceberg opens the tables through the catalogue and DuckDB reads their data
files; both must see every row of every sub-tile's Parquet results, value by
value, once. Prints the snapshot and the numbers of rows as JSON.
"""
import json
import pathlib
import sys

import duckdb
import pyarrow
import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog

warehouse, namespace, name, run = sys.argv[1:]
catalog = SqlCatalog("constellation", uri=f"sqlite:///{warehouse}/catalog.db", warehouse=warehouse)
said = {}
for what, suffix, keys in (
    ("shear", "", ["TILE_ID", "SUBTILE_ROW", "SUBTILE_COL"]),
    ("sources", "_sources", ["TILE_ID", "OBJECT_ID"]),
):
    table = catalog.load_table(f"{namespace}.{name}{suffix}")
    scan = table.scan()
    iceberg = scan.to_arrow()
    files = [task.file.file_path.removeprefix("file://") for task in scan.plan_files()]
    paths = sorted(pathlib.Path(run).glob(f"*/*/results/{what}.parquet"))
    wrote = pyarrow.concat_tables([pyarrow.parquet.ParquetFile(p).read() for p in paths], promote_options="permissive")
    shared = [c for c in wrote.column_names if c in iceberg.column_names]
    assert set(wrote.column_names) <= set(iceberg.column_names), (wrote.column_names, iceberg.column_names)

    def rows(relation):
        return duckdb.sql(f"select {', '.join(shared)} from {relation} order by {', '.join(keys)}").fetchall()

    expected = rows("wrote")
    assert rows("iceberg") == expected, f"{what}: PyIceberg sees other rows than inference wrote"
    assert rows(f"read_parquet({files})") == expected, f"{what}: DuckDB sees other rows than inference wrote"
    runs = set(iceberg["RUN_ID"].to_pylist())
    assert runs == {pathlib.Path(run).name}, runs
    said[what] = len(expected)
    if not suffix:
        said["snapshot"] = table.current_snapshot().snapshot_id
print(json.dumps(said))
