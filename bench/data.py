"""Data of the benchmarks, the same for everybody: uniform over 100,000 keys and 30 days of January 2026, ten doubles, `created` up to an hour
after the event, 1 % corrections (same event, later created), files in the order of `created`, row groups of 131,072, snappy."""
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import WORK

KEYS = 100_000
DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
SPAN = 30 * DAY
GROUP = 131_072


def times(values):
    return pa.array(values, pa.timestamp("us", tz="UTC"))


def features(rows, files):
    """A folder of Parquet files with `rows` feature rows; made once."""
    folder = WORK / f"features_{rows}"
    if folder.exists():
        return folder
    rng = np.random.default_rng(rows)
    corrections = rows // 100
    entity = rng.integers(0, KEYS, rows - corrections)
    event = START + rng.integers(0, SPAN, rows - corrections)
    created = event + rng.integers(1, DAY // 24, rows - corrections)
    again = rng.choice(rows - corrections, corrections, replace=False)
    entity = np.concatenate([entity, entity[again]])
    event = np.concatenate([event, event[again]])
    created = np.concatenate([created, created[again] + rng.integers(DAY // 24, DAY // 4, corrections)])
    order = np.argsort(created, kind="stable")
    partial = WORK / f"features_{rows}.partial"
    partial.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(np.array_split(order, files)):
        columns = {"entity": pa.array(entity[part]), "event_timestamp": times(event[part]), "created": times(created[part])}
        for j in range(10):
            values = rng.normal(0, 1, len(part))
            columns[f"f{j}"] = pa.array(values, mask=rng.random(len(part)) < 0.05 if j == 9 else None)
        pq.write_table(pa.table(columns), partial / f"part-{number:03}.parquet", row_group_size=GROUP, compression="snappy")
    partial.rename(folder)
    return folder


def entities(rows):
    """An entity frame: uniform over days 2 to 30, 5 % unknown keys; made once."""
    path = WORK / f"entities_{rows}.parquet"
    if not path.exists():
        rng = np.random.default_rng(7)
        table = pa.table({
            "entity": rng.integers(0, int(KEYS * 1.05), rows),
            "event_timestamp": times(START + DAY + rng.integers(0, SPAN - DAY, rows)),
            "row_id": np.arange(rows),
        })
        pq.write_table(table, path)
    return path


def definitions(path):
    """The view over a folder or file of features, with a ttl of one day."""
    schema = "\n".join(f"  - {{name: f{j}, dtype: Float64}}" for j in range(10))
    return f"""kind: Entity
name: entity
join_keys: [entity]
value_type: INT64
---
kind: FileSource
name: rows
path: {path}
timestamp_field: event_timestamp
created_timestamp_column: created
---
kind: FeatureView
name: view
entities: [entity]
ttl: 1d
source: rows
schema:
{schema}
"""
