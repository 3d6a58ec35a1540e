"""What constellation does with its catalogue, by PyIceberg; and what other readers make of the tables.

    catalog.py assemble '{"results": .., "warehouse": ..}'     all results of a run into two tables of the same layout
    catalog.py replace '{"warehouse": .., "tiles": [..]}'      tiles by other rows, one after the other
    catalog.py mean|tile|cone '{"reader": .., "warehouse": ..}'   mean shear, the rows of a tile, sources within a degree

Nothing is checked, and no HEALPix pixel is filled in: less work than assembly has.

Prints one JSON object: seconds and seconds of the processors (imports and the loading of readers not counted, but in
the processors of assemble), bytes read and written (of the kernel's memory, too), the most memory it had, and what came
of it.
"""

import glob
import json
import os
import resource
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThanOrEqual
from pyiceberg.transforms import TruncateTransform

NAMESPACE, NAME = "shear", "bench"


def opened(job):
    return SqlCatalog("constellation", uri=f"sqlite:///{job['warehouse']}/catalog.db", warehouse=job["warehouse"])


def tables(job):
    catalog = opened(job)
    return catalog.load_table(f"{NAMESPACE}.{NAME}"), catalog.load_table(f"{NAMESPACE}.{NAME}_sources")


def assemble(job):
    os.makedirs(job["warehouse"], exist_ok=True)
    catalog = opened(job)
    catalog.create_namespace(NAMESPACE)
    rows = {}
    for file, suffix, width in (("shear.parquet", "", 2000), ("sources.parquet", "_sources", 200)):
        paths = sorted(glob.glob(f"{job['results']}/*/*/results/{file}"))
        # Of PyArrow's ways to read many small files, the one that takes the processors least.
        data = pa.concat_tables([pq.ParquetFile(path, pre_buffer=False).read(use_threads=False) for path in paths])
        for column, value in (("RUN_ID", "r1"), ("CONFIG_ID", job["config_id"])):
            data = data.append_column(column, pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(data), np.int32)), [value]).dictionary_decode())
        schema = data.schema
        table = catalog.create_table(f"{NAMESPACE}.{NAME}{suffix}", schema=schema, properties={"write.parquet.compression-codec": "zstd"})
        field = table.schema().find_field("TILE_ID").field_id
        with table.update_spec() as update:
            if job.get("one_a_tile"):
                update.add_identity("TILE_ID")
            else:
                update.add_field("TILE_ID", TruncateTransform(width), "TILE_ID_trunc")
        assert field == table.spec().fields[0].source_id
        table.append(data)
        rows[file] = len(data)
    # Of the processors, the whole process, as of the one that it is held against.
    return {"rows": rows["shear.parquet"], "sources": rows["sources.parquet"], "cpu": Measure.processors()}


def replace(job):
    """By the rows that are there, with other shears: overwrite is copy-on-write."""
    each, both = [], tables(job)
    for tile in job["tiles"]:
        with_tile = EqualTo("TILE_ID", tile)
        data = [table.scan(row_filter=with_tile).to_arrow() for table in both]
        column = data[0].schema.get_field_index("G1")
        data[0] = data[0].set_column(column, data[0].schema.field(column), pc.multiply(data[0]["G1"], pa.scalar(0.5, pa.float32())))
        start = Measure()
        for table, rows in zip(both, data):
            if len(rows):
                table.overwrite(rows, overwrite_filter=with_tile)
        each.append(start.said())
    return {"each": each}


def columns(job, table, names, where, sql):
    """The columns of the rows that are asked for, as an Arrow table."""
    match job["reader"]:
        case "pyiceberg":
            scan = table.scan(selected_fields=names) if where is None else table.scan(row_filter=where, selected_fields=names)
            scans.append(scan)
            return scan.to_arrow()
        case "polars":
            pl = loaded["polars"]
            frame = pl.scan_iceberg(table)
            return (frame.filter(pl.sql_expr(sql)) if sql else frame).select(names).collect().to_arrow()
        case "duckdb":
            where = f" where {sql}" if sql else ""
            return loaded["duckdb"].execute(f"select {', '.join(names)} from iceberg_scan('{table.metadata_location}'){where}").to_arrow_table()
    raise ValueError(job["reader"])


def mean(job):
    found = columns(job, tables(job)[0], ("G1", "G2"), None, "")
    return {"rows": len(found), "values": [pc.mean(found[c]).as_py() for c in ("G1", "G2")]}


def tile(job):
    where, sql, said = EqualTo("TILE_ID", job["tile"]), f"TILE_ID = {job['tile']}", {"rows": 0, "values": []}
    for table, names in zip(tables(job), (("G1", "G2"), ("E1", "E2"))):
        if table.current_snapshot() is None:
            continue
        found = columns(job, table, names, where, sql)
        said["rows"] += len(found)
        said["values"] += [pc.mean(found[c]).as_py() for c in names]
    return said


def cone(job):
    ra, dec, radius = job["ra"], job["dec"], job["radius"]
    wide = radius / np.cos(np.radians(abs(dec) + radius))
    box = (("RA", ra - wide, ra + wide), ("DEC", dec - radius, dec + radius))
    where = And(*(e for c, low, high in box for e in (GreaterThanOrEqual(c, low), LessThanOrEqual(c, high))))
    sql = " and ".join(f"{c} >= {low} and {c} <= {high}" for c, low, high in box)
    found = columns(job, tables(job)[job.get("table", 1)], ("RA", "DEC"), where, sql)
    a, d = np.radians(found["RA"].to_numpy()), np.radians(found["DEC"].to_numpy())
    a0, d0 = np.radians(ra), np.radians(dec)
    h = np.sin((d - d0) / 2) ** 2 + np.cos(d) * np.cos(d0) * np.sin((a - a0) / 2) ** 2
    inside = np.degrees(2 * np.arcsin(np.sqrt(h))) <= radius
    return {"rows": int(inside.sum()), "values": []}


scans = []  # by PyIceberg
loaded = {}  # readers that some jobs ask for


def load(reader):
    match reader:
        case "polars":
            import polars

            loaded["polars"] = polars
        case "duckdb":
            import duckdb
            from duckdb_extensions import import_extension

            for extension in ("avro", "iceberg"):
                import_extension(extension)
            loaded["duckdb"] = duckdb.connect()
            loaded["duckdb"].load_extension("iceberg")


class Measure:
    def __init__(self):
        self.time, self.cpu, self.io = time.monotonic(), self.processors(), self.traffic()

    @staticmethod
    def processors():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    @staticmethod
    def traffic():
        with open("/proc/self/io") as io:
            return {name: int(n) for name, n in (line.split(": ") for line in io)}

    def said(self):
        now = self.traffic()
        return {"seconds": time.monotonic() - self.time, "cpu": self.processors() - self.cpu,
                "read": now["rchar"] - self.io["rchar"], "written": now["wchar"] - self.io["wchar"]}


def peak_memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    what, job = sys.argv[1], json.loads(sys.argv[2])
    load(job.get("reader"))
    start = Measure()
    said = globals()[what](job)
    said = {**start.said(), "memory": peak_memory(), **said}
    said["files"] = sum(len(list(scan.plan_files())) for scan in scans)
    print(json.dumps(said))
