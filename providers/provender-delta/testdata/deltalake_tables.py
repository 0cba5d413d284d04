"""Delta tables as the Python package `deltalake` writes them, each with the rows that it reads back: `python deltalake_tables.py [FOLDER]`.

Writes `FOLDER/deltalake/NAME`, the tables, and `FOLDER/expected/deltalake/NAME[@VERSION].parquet`, their rows in the order of `id`.
"""

import datetime
import pathlib
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, WriterProperties, write_deltalake

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent).resolve()
TABLES, EXPECTED = FOLDER / "deltalake", FOLDER / "expected" / "deltalake"
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def rows(first, last):
    """Feature rows with a null here and there: row n is of driver n % 4, an hour after row n - 1."""
    ids = range(first, last)
    at = [START + datetime.timedelta(hours=n, microseconds=7) for n in ids]
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "driver_id": pa.array([n % 4 for n in ids], pa.int64()),
            "event_timestamp": pa.array(at, pa.timestamp("us", "UTC")),
            "rate": pa.array([n / 8 if n % 5 else None for n in ids], pa.float64()),
            "name": pa.array([f"né {n}" if n % 3 else None for n in ids], pa.string()),
            "list": pa.array([[n, None] for n in ids], pa.list_(pa.int64())),
        }
    )


def expect(name, version=None):
    # PyArrow's own dataset is used because it is another reader than the one that wrote.
    table = DeltaTable(TABLES / name, version=version).to_pyarrow_table().sort_by("id")
    suffix = "" if version is None else f"@{version}"
    EXPECTED.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, EXPECTED / f"{name}{suffix}.parquet")


def main():
    shutil.rmtree(TABLES, ignore_errors=True)
    shutil.rmtree(EXPECTED, ignore_errors=True)
    for first in (0, 10, 20):
        write_deltalake(TABLES / "plain", rows(first, first + 10), mode="append")
    expect("plain")
    expect("plain", 1)

    table = rows(0, 48)
    day = pa.array([at.date() for at in table["event_timestamp"].to_pylist()], pa.date32())
    region = pa.array([("eu", "a/b=c %é", None, "us east")[n % 4] for n in range(48)])
    parts = table.drop(["list"]).append_column("day", day).append_column("region", region)
    write_deltalake(TABLES / "partitioned", parts, partition_by=["day", "region"])
    expect("partitioned")

    write_deltalake(TABLES / "evolved", rows(0, 10).drop(["list", "name"]))
    write_deltalake(TABLES / "evolved", rows(10, 20).drop(["list"]), mode="append", schema_mode="merge")
    expect("evolved")

    # Small row groups and pages, rewritten by an update and a delete, then overwritten in part, compacted and checkpointed.
    small = WriterProperties(max_row_group_size=8, data_page_row_count_limit=4, write_batch_size=4)
    write_deltalake(TABLES / "rewritten", rows(0, 64), writer_properties=small)
    table = DeltaTable(TABLES / "rewritten")
    table.delete("id % 7 = 3")
    table.update(predicate="id < 5", updates={"rate": "-1.0"})
    write_deltalake(table, rows(64, 80), mode="append")
    expect("rewritten", 3)
    table = DeltaTable(TABLES / "rewritten")
    table.optimize.compact()
    table.create_checkpoint()
    table.cleanup_metadata()
    write_deltalake(table, rows(80, 90), mode="append")
    expect("rewritten")


main()
