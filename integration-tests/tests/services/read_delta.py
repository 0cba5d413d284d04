"""Reads Delta tables with other engines, and compares tables of rows.

    read_delta.py spark (TABLE FILE)...      reads tables with Spark into Parquet files
    read_delta.py deltalake (TABLE FILE)...  the same with the package deltalake
    read_delta.py compare (FILE FILE)...     fails naming the first cell in which two files differ; rows are in the order of `id`, columns by name
"""

import math
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

TESTDATA = pathlib.Path(__file__).parents[3] / "providers/provender-delta/testdata"


def with_spark(pairs):
    sys.path.insert(0, str(TESTDATA))
    import spark as writer

    session = writer.session()
    for table, file in pairs:
        frame = session.read.format("delta").load(table)
        rows = frame.orderBy("id").toArrow()
        pq.write_table(rows, file)
    session.stop()


def with_deltalake(pairs):
    from deltalake import DeltaTable, QueryBuilder

    for table, file in pairs:
        rows = QueryBuilder().register("t", DeltaTable(table)).execute("SELECT * FROM t ORDER BY id").read_all()
        pq.write_table(pa.table(rows), file)


def plain(value):
    """A value that is equal to the same value of another engine's types."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


# Names that a mapping of fields gives to columns whose own no feature can have.
MAPPED = {"conv rate": "conv_rate", "odd name,;{}": "odd"}


def read(file):
    """Rows in the order of their ids, and the names of the columns."""
    table = pq.ParquetFile(file).read()
    table = table.rename_columns([MAPPED.get(name, name) for name in table.column_names])
    return sorted(table.to_pylist(), key=lambda row: row["id"]), table.column_names


def compare(pairs):
    for left, right in pairs:
        (one, names), (other, others) = read(left), read(right)
        shared = [name for name in names if name in others]
        if len(shared) < 3 or len(one) != len(other):
            sys.exit(f"{left}: {len(one)} rows {names}, {right}: {len(other)} rows {others}")
        for row, (a, b) in enumerate(zip(one, other)):
            for name in shared:
                if plain(a[name]) != plain(b[name]):
                    sys.exit(f"row {row}, column {name}: {left} has {a[name]!r}, {right} has {b[name]!r}")
        print(f"{left} and {right}: {len(one)} rows, columns {shared}")


def main():
    command, *files = sys.argv[1:]
    pairs = list(zip(files[::2], files[1::2]))
    {"spark": with_spark, "deltalake": with_deltalake, "compare": compare}[command](pairs)


main()
