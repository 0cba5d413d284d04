"""Point-in-time joins, whole processes: ROUNDS [SCENARIO…], all scenarios without any. Polars' `join_asof` and DuckDB's `ASOF`, written by hand, stand
beside where the goal is to be faster than they are; every answer is compared with DuckDB's, cell by cell."""
import os
import sys

import duckdb

import data
from common import HERE, PROVENDER, PYTHON, WORK, measure, rounds, table, write_repo

BUCKET = "provender/bench"


class Join:
    """A training set to be made: folders of features, a view each, and entity rows."""

    def __init__(self, name, folders, entities, endpoint=""):
        self.name, self.folders, self.entities = name, folders, entities
        self.repo = write_repo(WORK / f"join_{name}", {"features.yaml": data.definitions(*folders, endpoint=endpoint)})
        measure([PROVENDER, "-c", self.repo, "apply"])

    def out(self, who):
        return WORK / f"join_{self.name}_{who}.parquet"

    def provender(self):
        flags = [flag for view, feature in self.features() for flag in ("--features", f"{view}:{feature}")]
        ask = [PROVENDER, "-c", self.repo, "get-historical-features", "--full-feature-names", "--entity-df", self.entities]
        return measure([*ask, *flags, "--out", self.out("provender")])

    def features(self):
        return [(f"view{i or ''}", f"f{j}") for i in range(len(self.folders)) for j in range(data.WIDTH)]

    def peer(self, who):
        folders = ",".join(map(str, self.folders))
        return measure([PYTHON, HERE / f"peer_{who}.py", folders, self.entities, self.out(who)])

    def beside_peers(self):
        return {"provender": self.provender, "polars": lambda: self.peer("polars"), "duckdb": lambda: self.peer("duckdb")}

    def check(self, reference):
        """Whether the answer holds DuckDB's cells, row by row, in the order of the entity rows; the answers are gone after."""
        if not (answer := reference.out("duckdb")).exists():
            reference.peer("duckdb")
        ours, db = self.out("provender"), duckdb.connect()
        columns = ", ".join(["row_id", "entity", "event_timestamp"] + [f"{view}__{feature}" for view, feature in self.features()])
        count = f"SELECT count(*) FROM (SELECT {columns} FROM '{{}}' EXCEPT ALL SELECT {columns} FROM '{{}}')"
        differing = db.execute(count.format(ours, answer)).fetchone()[0] + db.execute(count.format(answer, ours)).fetchone()[0]
        ordered = db.execute(f"SELECT row_id FROM '{ours}'").fetchnumpy()["row_id"]
        is_right = differing == 0 and bool((ordered[1:] > ordered[:-1]).all())
        print(f"  {self.name}: the answer equals DuckDB's, cell by cell, in the entity rows' order: {is_right}")
        self.failed = not is_right

    def clear(self):
        for path in WORK.glob(f"join_{self.name}_*.parquet"):
            path.unlink()


FAILED = []


def judge(goal, value, limit):
    is_met = value <= limit
    print(f"  {goal}: {value:.2f}, goal at most {limit}: {'met' if is_met else 'NOT MET'}")
    if not is_met:
        FAILED.append(goal)


def judge_answers(*joins, reference=None):
    for join in joins:
        join.check(reference or join)
        if join.failed:
            FAILED.append(f"{join.name}: cells")
    for join in joins:
        join.clear()


def beside_peers(count, name, folders, entity_rows, ratio, mb=None):
    join = Join(name, folders, data.entities(entity_rows))
    medians = rounds(join.beside_peers(), count)
    faster = min(("polars", "duckdb"), key=lambda who: medians[who]["seconds"])
    table(f"join {name}, {entity_rows:,} entity rows", medians, faster)
    judge(f"{name}: seconds to the faster peer's", medians["provender"]["seconds"] / medians[faster]["seconds"], ratio)
    if mb:
        judge(f"{name}: peak MB", medians["provender"]["mb"], mb)
    judge_answers(join)


def ten_million(other=0):
    return data.features(10_000_000, 10, other)


def fifty_million():
    return data.together("features_50000000", [ten_million(other) for other in range(5)])


def clustered(count):
    """Feature rows in the order of time, entity rows in its last tenth. Without pruning: the same rows shuffled, so that nothing can be left out."""
    entities = data.entities(10_000, first_day=27)
    shuffled = [data.shuffled(ten_million(other)) for other in range(5)]
    sizes = {10_000_000: (ten_million(), shuffled[0]), 50_000_000: (fifty_million(), data.together("features_50000000_shuffled", shuffled))}
    for rows, (folder, mixed) in sizes.items():
        pruned, unpruned = Join("pruned", [folder], entities), Join("unpruned", [mixed], entities)
        medians = rounds({"clustered": pruned.provender, "shuffled": unpruned.provender}, count)
        table(f"join clustered, {rows:,} feature rows x 10,000 entity rows in the last tenth of the time", medians, "shuffled")
        judge(f"clustered, {rows:,}: seconds to those of shuffled rows", medians["clustered"]["seconds"] / medians["shuffled"]["seconds"], 0.2)
        judge_answers(pruned, unpruned, reference=pruned)


def far(count):
    """The same files on local disk and in a bucket of MinIO on this machine."""
    from pyarrow import fs

    endpoint = os.environ["PROVENDER_TEST_S3"]
    os.environ |= {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin", "AWS_REGION": "us-east-1"}
    address = endpoint.removeprefix("http://")
    s3 = fs.S3FileSystem(access_key="minioadmin", secret_key="minioadmin", endpoint_override=address, scheme="http", region="us-east-1")
    folder = ten_million()
    key = f"{BUCKET}/{folder.name}"
    fs.copy_files(str(folder), key, destination_filesystem=s3)
    try:
        near, bucket = Join("near", [folder], data.entities(100_000)), Join("bucket", [f"s3://{key}/"], data.entities(100_000), endpoint)
        medians = rounds({"local": near.provender, "minio": bucket.provender}, count)
        table("join from a bucket, 10,000,000 feature rows x 100,000 entity rows", medians, "local")
        judge("bucket: seconds to those of local files", medians["minio"]["seconds"] / medians["local"]["seconds"], 1.5)
        judge_answers(near, bucket, reference=near)
    finally:
        s3.delete_dir(key)


def skew(count):
    """All rows of one key, beside the same rows spread over 100,000."""
    spread = Join("spread", [ten_million()], data.entities(1_000_000))
    hot = Join("hot", [data.hot(ten_million())], data.entities(1_000_000, is_hot=True))
    medians = rounds({"spread": spread.provender, "one hot key": hot.provender}, count)
    table("join skewed, 10,000,000 feature rows x 1,000,000 entity rows", medians, "spread")
    judge("skew: seconds to those of spread keys", medians["one hot key"]["seconds"] / medians["spread"]["seconds"], 1.0)
    judge_answers(spread, hot)


def growth(count):
    """The same entity rows against ever more feature rows."""
    folders = {1_000_000: data.features(1_000_000, 1), 10_000_000: ten_million(), 50_000_000: fifty_million()}
    sizes, joins = list(folders), [Join(f"grown_{size}", [folder], data.entities(100_000)) for size, folder in folders.items()]
    medians = rounds({f"{size:,}": join.provender for size, join in zip(sizes, joins)}, count)
    table("join growing, 100,000 entity rows", medians, f"{sizes[0]:,}")
    per_row = [medians[f"{size:,}"]["seconds"] / size for size in sizes]
    for (small, large), growth in zip(zip(sizes, sizes[1:]), (b / a for a, b in zip(per_row, per_row[1:]))):
        judge(f"growth from {small:,} to {large:,}: seconds a row to those before", growth, 1.0)
    judge_answers(*joins)


SCENARIOS = {
    "100k": lambda count: beside_peers(count, "100k", [ten_million()], 100_000, 0.65, 250),
    "1m": lambda count: beside_peers(count, "1m", [ten_million()], 1_000_000, 0.7, 450),
    "views": lambda count: beside_peers(count, "views", [ten_million(other) for other in range(3)], 100_000, 0.55, 350),
    "even": lambda count: beside_peers(count, "even", [data.features(1_000_000, 1)], 1_000_000, 0.7),
    "clustered": clustered,
    "far": far,
    "skew": skew,
    "growth": growth,
}

count, *chosen = sys.argv[1:]
if unknown := set(chosen) - set(SCENARIOS):
    raise SystemExit(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
for name in chosen or SCENARIOS:
    print(f"\n{name}: {SCENARIOS[name].__doc__ or 'beside Polars and DuckDB'}")
    SCENARIOS[name](int(count))
print(f"\n{'missed: ' + ', '.join(FAILED) if FAILED else 'all goals met'}")
