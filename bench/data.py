"""Data of the benchmarks, the same for everybody: uniform over 100,000 keys and 30 days of January 2026, ten doubles, `created` up to an hour
after the event, 1 % corrections (same event, later created), files in the order of `created`, row groups of 131,072, snappy. All of it is made once."""
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import WORK

KEYS = 100_000
DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
SPAN = 30 * DAY
GROUP = 131_072
WIDTH = 10
HOT = 77


def times(values):
    return pa.array(values, pa.timestamp("us", tz="UTC"))


def features(rows, files, other=0):
    """A folder of Parquet files with `rows` feature rows; `other` numbers those of the same kind with other values."""
    folder = WORK / (f"features_{rows}" + (f"_{other}" if other else ""))
    return made(folder, lambda partial: write_features(partial, rows, files, other))


def write_features(folder, rows, files, other):
    rng = np.random.default_rng(rows + other)
    corrections = rows // 100
    entity = rng.integers(0, KEYS, rows - corrections)
    event = START + rng.integers(0, SPAN, rows - corrections)
    created = event + rng.integers(1, DAY // 24, rows - corrections)
    again = rng.choice(rows - corrections, corrections, replace=False)
    entity = np.concatenate([entity, entity[again]])
    event = np.concatenate([event, event[again]])
    created = np.concatenate([created, created[again] + rng.integers(DAY // 24, DAY // 4, corrections)])
    order = np.argsort(created, kind="stable")
    for number, part in enumerate(np.array_split(order, files)):
        columns = {"entity": pa.array(entity[part]), "event_timestamp": times(event[part]), "created": times(created[part])}
        for j in range(WIDTH):
            values = rng.normal(0, 1, len(part))
            columns[f"f{j}"] = pa.array(values, mask=rng.random(len(part)) < 0.05 if j == WIDTH - 1 else None)
        pq.write_table(pa.table(columns), folder / f"part-{number:03}.parquet", row_group_size=GROUP, compression="snappy")


def made(folder, make):
    """The folder, made unless it is there."""
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        make(partial)
        partial.rename(folder)
    return folder


def together(name, folders):
    """One folder of the files of several, which takes no more room on the disk."""

    def link(partial):
        for number, folder in enumerate(folders):
            for path in folder.glob("*.parquet"):
                os.link(path, partial / f"{number}-{path.name}")

    return made(WORK / name, link)


def hot(folder):
    """The same rows, all of one key."""

    def write(partial):
        for path in sorted(folder.glob("*.parquet")):
            pq.write_table(of_one_key(pq.read_table(path)), partial / path.name, row_group_size=GROUP, compression="snappy")

    return made(folder.with_name(f"{folder.name}_hot"), write)


def shuffled(folder):
    """The same rows in another order, so that any of them may be anywhere."""

    def write(partial):
        table = pq.read_table(folder)
        order = np.random.default_rng(len(table)).permutation(len(table))
        for number, part in enumerate(np.array_split(order, len(list(folder.glob("*.parquet"))))):
            pq.write_table(table.take(part), partial / f"part-{number:03}.parquet", row_group_size=GROUP, compression="snappy")

    return made(folder.with_name(f"{folder.name}_shuffled"), write)


def of_one_key(table):
    return table.set_column(0, "entity", pa.array(np.full(len(table), HOT)))


def entities(rows, first_day=1, is_hot=False):
    """An entity frame: uniform from a day on to the 30th, 5 % unknown keys, or one key for all rows."""
    path = WORK / (f"entities_{rows}" + (f"_from{first_day}" if first_day > 1 else "") + ("_hot" if is_hot else "") + ".parquet")
    if not path.exists():
        rng = np.random.default_rng(7)
        table = pa.table({
            "entity": rng.integers(0, int(KEYS * 1.05), rows),
            "event_timestamp": times(START + first_day * DAY + rng.integers(0, SPAN - first_day * DAY, rows)),
            "row_id": np.arange(rows),
        })
        pq.write_table(of_one_key(table) if is_hot else table, path)
    return path


def definitions(*paths, endpoint=""):
    """A view, `view`, `view1` and so on, over each folder or file of features, with a ttl of one day; `endpoint` is that of S3, if they are there."""
    entity = "kind: Entity\nname: entity\njoin_keys: [entity]\nvalue_type: INT64\n"
    return "---\n".join([entity] + [definition(number, path, endpoint) for number, path in enumerate(paths)])


def definition(number, path, endpoint):
    suffix = number or ""
    schema = "\n".join(f"  - {{name: f{j}, dtype: Float64}}" for j in range(WIDTH))
    return f"""kind: FileSource
name: rows{suffix}
path: {path}
timestamp_field: event_timestamp
created_timestamp_column: created
s3_endpoint_override: "{endpoint}"
---
kind: FeatureView
name: view{suffix}
entities: [entity]
ttl: 1d
source: rows{suffix}
schema:
{schema}
"""
