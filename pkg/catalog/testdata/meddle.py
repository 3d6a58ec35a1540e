"""Does to the tables, until told to stop and at least twice, what other people do with PyIceberg:
appends rows of a configuration of their own, renames columns, widens types,
changes the partition spec.

usage: meddle.py catalogue-uri warehouse namespace table stop-file

Prints how often each was done, and how many rows were appended, as JSON.
"""
import json
import os
import random
import sys
import time

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DoubleType, LongType

uri, warehouse, namespace, name, stop = sys.argv[1:]
uri = uri.replace("sqlite://", "sqlite:///").replace("postgres://", "postgresql+psycopg2://")
catalog = SqlCatalog("constellation", uri=uri, warehouse=warehouse)
done = {"append": 0, "rename": 0, "promote": 0, "spec": 0, "lost": 0, "rows": 0}
rng = random.Random(int(os.environ.get("MEDDLE_SEED", "1")))


def value(field, tile, i):
    """A value that fits a field of the shear table, whatever it is named by now."""
    kind = str(field.field_type)
    if field.name == "_healpix_29":
        return None  # as software does that knows nothing of it
    if field.field_id == 1:
        return tile
    if field.name == "_healpix_29":
        return None
    if kind in ("int", "long"):
        return i
    if kind in ("float", "double"):
        return 0.5
    return {"RUN_ID": "theirs", "CONFIG_ID": "theirs", "STATUS": "ok", "STATE": "ok"}.get(field.name, "mock")


def append(table):
    tile = 900000 + done["append"]
    rows = [{f.name: value(f, tile, i) for f in table.schema().fields} for i in range(3)]
    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
    done["rows"] += len(rows)


def rename(table):
    has = {f.name for f in table.schema().fields}
    one, other = ("STATUS", "STATE") if "STATUS" in has else ("STATE", "STATUS")
    with table.update_schema() as change:
        change.rename_column(one, other)


def promote(table):
    kinds = {f.name: str(f.field_type) for f in table.schema().fields}
    with table.update_schema() as change:
        if kinds["N_SOURCES"] == "int":
            change.update_column("N_SOURCES", LongType())
        elif kinds["G1_ERR"] == "float":
            change.update_column("G1_ERR", DoubleType())


def spec(table):
    theirs = [f.name for f in table.spec().fields if f.name == "theirs"]
    with table.update_spec() as change:
        if theirs:
            change.remove_field("theirs")
        else:
            change.add_field("SUBTILE_ROW", IdentityTransform(), "theirs")


def enough():
    return all(done[what] >= 2 for what in ("append", "rename", "promote", "spec"))


while not (os.path.exists(stop) and enough()):
    what = rng.choice([append, append, append, rename, promote, spec])
    before = done["rows"]
    try:
        what(catalog.load_table(f"{namespace}.{name}"))
        done[what.__name__] += 1
    except (CommitFailedException, ValidationException):  # the latter where what it began on has expired
        done["lost"] += 1
        done["rows"] = before
    except Exception as e:  # a database that is locked, which PyIceberg doesn't wait for
        if "locked" not in str(e) and "serializ" not in str(e):
            raise
        done["lost"] += 1
        done["rows"] = before
    time.sleep(0.1)
print(json.dumps(done))
