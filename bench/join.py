"""Point-in-time join: 10M feature rows x 10 doubles against 100k and 1M entity rows, beside Polars and DuckDB; answers compared cell by cell."""
import sys

import duckdb

import data
from common import HERE, PROVENDER, PYTHON, WORK, measure, rounds, table, write_repo


def equal(ours, theirs):
    """Whether two answers hold the same cells, row by row."""
    db = duckdb.connect()
    columns = ", ".join(["row_id", "entity", "event_timestamp"] + [f"f{j}" for j in range(10)])
    count = "SELECT count(*) FROM (SELECT {c} FROM '{a}' EXCEPT ALL SELECT {c} FROM '{b}')"
    there = db.execute(count.format(c=columns, a=ours, b=theirs)).fetchone()[0]
    back = db.execute(count.format(c=columns, a=theirs, b=ours)).fetchone()[0]
    ordered = db.execute(f"SELECT row_id FROM '{ours}'").fetchnumpy()["row_id"]
    return there == 0 and back == 0 and bool((ordered[1:] > ordered[:-1]).all())


def scale(feature_rows, files, entity_rows, count):
    features, entities = data.features(feature_rows, files), data.entities(entity_rows)
    repo = write_repo(WORK / "join_repo", {"features.yaml": data.definitions(features)})
    measure([PROVENDER, "-c", repo, "apply"])
    out = {name: WORK / f"join_{name}.parquet" for name in ("provender", "polars", "duckdb")}
    references = [flag for j in range(10) for flag in ("--features", f"view:f{j}")]
    contenders = {
        "provender": lambda: measure([PROVENDER, "-c", repo, "get-historical-features", "--entity-df", entities, *references, "--out", out["provender"]]),
        "polars": lambda: measure([PYTHON, HERE / "peer_polars.py", features, entities, out["polars"]]),
        "duckdb": lambda: measure([PYTHON, HERE / "peer_duckdb.py", features, entities, out["duckdb"]]),
    }
    medians = rounds(contenders, count)
    table(f"join, {feature_rows:,} feature rows x {entity_rows:,} entity rows", medians, "polars")
    print(f"  provender's answer equals duckdb's, cell by cell, in the entity rows' order: {equal(out['provender'], out['duckdb'])}")


for entity_rows in (100_000, 1_000_000):
    scale(10_000_000, 10, entity_rows, int(sys.argv[1]))
