"""Changes a table as somebody else would, by PyIceberg.

usage: write_rows.py catalog.db append|delete|add_files|rename config
"""
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

db, what, config = sys.argv[1:]
catalog = SqlCatalog("test", uri="sqlite:///" + db)
table = catalog.load_table("n.t")


def rows(tile):
    return pa.table({
        "TILE_ID": pa.array([tile, tile], pa.int64()),
        "SUBTILE_ROW": pa.array([0, 0], pa.int32()),
        "SUBTILE_COL": pa.array([0, 0], pa.int32()),
        "OBJECT_ID": pa.array([1, 2], pa.int64()),
        "VALUE": pa.array([0.5, 0.5], pa.float32()),
        "CONFIG_ID": pa.array([config, config]),
    }, schema=pa.schema([
        pa.field("TILE_ID", pa.int64(), False), pa.field("SUBTILE_ROW", pa.int32(), False), pa.field("SUBTILE_COL", pa.int32(), False),
        pa.field("OBJECT_ID", pa.int64(), False), pa.field("VALUE", pa.float32()), pa.field("CONFIG_ID", pa.string(), False),
    ]))


match what:
    case "append":
        table.append(rows(3))
    case "delete":
        table.delete("TILE_ID == 4 and SUBTILE_ROW == 0")
    case "add_files":
        path = pathlib.Path(db).parent / "t" / "data" / "added.parquet"
        pq.write_table(rows(6), path)
        table.add_files([f"file://{path}"])
    case "rename":
        with table.update_schema() as update:
            update.rename_column("TILE_ID", "TILE")
            update.update_column("SUBTILE_ROW", doc="row")
