"""Counts the rows of a table with PyIceberg: prints those of each tile, those without
a pixel, and the files and delete files that a scan reads, as JSON.

usage: count_rows.py metadata.json
"""
import collections
import json
import os
import sys

from pyiceberg.table import StaticTable

table = StaticTable.from_metadata(sys.argv[1], {
    "s3.endpoint": os.environ["AWS_ENDPOINT_URL"], "s3.region": os.environ["AWS_REGION"],
    "s3.access-key-id": os.environ["AWS_ACCESS_KEY_ID"], "s3.secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"],
})
scan = table.scan()
rows = scan.to_arrow()
tasks = list(scan.plan_files())
print(json.dumps({
    "tiles": collections.Counter(str(t) for t in rows["TILE_ID"].to_pylist()),
    "empty": rows["_healpix_29"].null_count,
    "files": len(tasks),
    "deletes": len({d.file_path for t in tasks for d in t.delete_files}),
}))
