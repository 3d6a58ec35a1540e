"""Holds this package to flytekit, Flyte's SDK for Python.

    python flytekit.py write    makes flytekit/*.pb, which the Go tests read
    python flytekit.py read     reads ours/*.pb, which the Go tests wrote, with flytekit's type engine

Needs what requirements.txt lists. Every case is a Python type and a value of
it; NAME.type.pb is the LiteralType, NAME.pb the Literal.
"""

import enum
import sys
import typing
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

# The script's own name would shadow the library's.
HERE = Path(__file__).resolve().parent
sys.path = [p for p in sys.path if Path(p or ".").resolve() != HERE]

from flyteidl.core import literals_pb2, types_pb2  # noqa: E402
from flytekit.core.context_manager import FlyteContextManager  # noqa: E402
from flytekit.core.hash import HashMethod  # noqa: E402
from flytekit.core.type_engine import TypeEngine  # noqa: E402
from flytekit.models.literals import Literal  # noqa: E402
from flytekit.types.directory import FlyteDirectory  # noqa: E402
from flytekit.types.file import FlyteFile  # noqa: E402
from flytekit.types.structured import StructuredDataset  # noqa: E402

Optional, List, Dict = typing.Optional, typing.List, typing.Dict


class Engine(enum.Enum):
    SHINE = "shine"
    MOCK = "mock"


@dataclass
class Inner:
    deep: List[float]


@dataclass
class Settings:
    scale: float
    depth: int
    label: str
    inner: Inner
    tags: Dict[str, int]
    engine: Engine
    limit: Optional[int] = None
    names: List[str] = field(default_factory=list)


SETTINGS = Settings(0.5, 3, "grüße", Inner([1.0, -2.5]), {"a": 1}, Engine.MOCK)
WHEN = datetime(2027, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
FILE = FlyteFile["parquet"]
TABLE = typing.Annotated[StructuredDataset, OrderedDict(ra=float, id=int, name=str), "parquet"]
HASHED = typing.Annotated[FlyteFile, HashMethod(lambda f: "abc123")]
ONEOF = typing.Union[FlyteFile, str, Settings, timedelta]

CASES = {
    "string": (str, "grüße"),
    "integer": (int, 2**62 + 1),
    "float": (float, -0.5),
    "boolean": (bool, True),
    "datetime": (datetime, WHEN),
    "duration": (timedelta, timedelta(days=-1, microseconds=1)),
    "enum": (Engine, Engine.MOCK),
    "file": (FlyteFile, FlyteFile("s3://bucket/x")),
    "file_format": (FILE, FILE("s3://bucket/x.parquet")),
    "file_hash": (HASHED, FlyteFile("s3://bucket/x")),
    "directory": (FlyteDirectory, FlyteDirectory("s3://bucket/dir")),
    "dataset": (TABLE, StructuredDataset(uri="s3://bucket/table", file_format="parquet")),
    "struct": (Settings, SETTINGS),
    "list": (List[List[int]], [[1, 2], [], [3]]),
    "map": (Dict[str, List[float]], {"a": [1.5], "": []}),
    "list_struct": (List[Settings], [SETTINGS, SETTINGS]),
    "optional_set": (Optional[int], 7),
    "optional_none": (Optional[int], None),
    "optional_file": (Optional[FILE], FILE("s3://bucket/x.parquet")),
    "optional_directory": (Optional[FlyteDirectory], FlyteDirectory("s3://bucket/dir")),
    "optional_struct": (Optional[Settings], SETTINGS),
    "optional_list": (Optional[List[str]], ["a"]),
    "optional_map": (Optional[Dict[str, bool]], {"a": True}),
    "optional_datetime": (Optional[datetime], WHEN),
    "list_optional": (List[Optional[float]], [1.5, None]),
    "union_file": (ONEOF, FlyteFile("s3://bucket/x")),
    "union_string": (ONEOF, "text"),
    "union_struct": (ONEOF, SETTINGS),
    "union_duration": (ONEOF, timedelta(seconds=2)),
    "optional_union": (Optional[ONEOF], None),
}


def plain(value):
    """A value as something that compares: files by their URIs, without fetching them."""
    if isinstance(value, (FlyteFile, FlyteDirectory)):
        return str(value.remote_source or value.path)
    if isinstance(value, StructuredDataset):
        return (value.uri or value.literal.uri, value.file_format or value.metadata.structured_dataset_type.format)
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def write():
    ctx = FlyteContextManager.current_context()
    for name, (python_type, value) in CASES.items():
        literal_type = TypeEngine.to_literal_type(python_type)
        literal = TypeEngine.to_literal(ctx, value, python_type, literal_type)
        for suffix, message in ((".type.pb", literal_type), (".pb", literal)):
            raw = message.to_flyte_idl().SerializeToString(deterministic=True)
            (HERE / "flytekit" / (name + suffix)).write_bytes(raw)
    print(f"wrote {len(CASES)} literals and their types")


def read():
    ctx = FlyteContextManager.current_context()
    failed = 0
    for name, (python_type, want) in CASES.items():
        message = literals_pb2.Literal.FromString((HERE / "ours" / (name + ".pb")).read_bytes())
        try:
            got = TypeEngine.to_python_value(ctx, Literal.from_flyte_idl(message), python_type)
            problem = "" if plain(got) == plain(want) else f"got {plain(got)!r}, want {plain(want)!r}"
            if not problem and message.hash != ("abc123" if name == "file_hash" else ""):
                problem = f"hash {message.hash!r}"
        except Exception as e:  # every case is tried
            problem = f"{type(e).__name__}: {e}"
        failed += bool(problem)
        print(f"{name}: {problem or 'ok'}")
        types_pb2.LiteralType.FromString((HERE / "ours" / (name + ".type.pb")).read_bytes())
    print(f"{len(CASES) - failed} of {len(CASES)} read")
    return failed


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write()
    elif sys.argv[1:] == ["read"]:
        sys.exit(1 if read() else 0)
    else:
        sys.exit(__doc__)
