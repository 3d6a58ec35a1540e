"""Opens the tables of a warehouse with readers that are not iceberg-go.

usage: read_table.py catalogue-uri warehouse namespace table

PyIceberg reads them through the catalogue, as a table format should be read;
DuckDB reads the same data files by itself, less the rows whose positions are deleted. Both must agree. Prints one JSON
object per table, for the Go test to compare with what it committed.
"""
import json
import sys

import duckdb
from pyiceberg.catalog.sql import SqlCatalog

uri, warehouse, namespace, name = sys.argv[1:]
catalog = SqlCatalog("constellation", uri=uri.replace("sqlite://", "sqlite:///"), warehouse=warehouse)
for suffix, key in (("", "SUBTILE_ROW"), ("_sources", "OBJECT_ID")):
    table = catalog.load_table(f"{namespace}.{name}{suffix}")
    scan = table.scan()
    rows = scan.to_arrow()
    files = [f.file.file_path.removeprefix("file://") for f in scan.plan_files()]
    deletes = {d.file_path.removeprefix("file://") for f in scan.plan_files() for d in f.delete_files}
    deleted = f"select replace(file_path, 'file://', '') as filename, pos as file_row_number from read_parquet({list(deletes)})" if deletes else (
        "select '' as filename, -1 as file_row_number")
    by_tile = duckdb.sql(
        f"""select TILE_ID, CONFIG_ID, count(*), sum({key}) from read_parquet({files}, filename=true, file_row_number=true)
        anti join ({deleted}) using (filename, file_row_number) group by all order by all"""
    ).fetchall()
    same = duckdb.sql(
        f"select TILE_ID, CONFIG_ID, count(*), sum({key}) from rows group by all order by all"
    ).fetchall()
    assert by_tile == same, (by_tile, same)
    pruned = scan.filter("TILE_ID = 8").to_arrow()
    print(json.dumps({
        "rows": rows.num_rows,
        "tiles": [[t, c, n, int(s)] for t, c, n, s in by_tile],
        "nulls": {c: rows[c].null_count for c in rows.column_names if rows[c].null_count},
        "pruned": pruned.num_rows,
        "format": table.format_version,
        "partition": [f.name for f in table.spec().fields],
        "order": [table.schema().find_column_name(f.source_id) for f in table.sort_order().fields],
        "ids": {f.name: f.field_id for f in table.schema().fields},
        "docs": {f.name: f.doc for f in table.schema().fields},
        "identifier": sorted(table.schema().identifier_field_names()),
    }))
