"""Materialize 1M rows of 100k keys x 10 doubles, beside writing the very same bytes: into SQLite with a prepared statement, or with
`--into redis` as pipelined HSETs."""
import json
import pathlib
import sqlite3
import struct
import subprocess
import sys
import time

import data
from common import LOAD, PROVENDER, WORK, measure, rounds, table, write_repo

START, END = "2025-12-31", "2026-02-15"


def definitions():
    return {"features.yaml": data.definitions(data.features(1_000_000, 1))}


def into_sqlite(count):
    repo = write_repo(WORK / "materialize_repo", definitions())
    store = repo / "data/online.db"

    def provender():
        for old in store.parent.glob("online.db*"):
            old.unlink()
        measure([PROVENDER, "-c", repo, "apply", "--skip-source-validation"])
        return measure([PROVENDER, "-c", repo, "materialize", START, END])

    def floor():
        """The cells that Provender wrote, into a new file of the same layout and settings; only the writing is timed."""
        source = sqlite3.connect(store)
        ddl = [row[0] for row in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'bench_view' AND sql IS NOT NULL")]
        cells = source.execute("SELECT * FROM bench_view ORDER BY rowid").fetchall()
        source.close()
        path = WORK / "floor.db"
        for old in WORK.glob("floor.db*"):
            old.unlink()
        target = sqlite3.connect(path)
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = NORMAL")
        for statement in ddl:
            target.execute(statement)
        places = ",".join("?" * len(cells[0]))
        upsert = f"INSERT INTO bench_view VALUES ({places}) ON CONFLICT (entity_key, feature_name) DO UPDATE SET value = excluded.value, event_ts = excluded.event_ts"
        began = time.monotonic()
        with target:
            target.executemany(upsert, cells)
        seconds = time.monotonic() - began
        target.close()
        return {"seconds": seconds, "cells": float(len(cells))}

    pathlib.Path(repo / "data").mkdir(exist_ok=True)
    table("materialize 1,000,000 rows into SQLite", rounds({"provender": provender, "floor": floor}, count), "floor")


def dump(client, path):
    """All hashes of a Redis, for the floor to write again: Feast's fields, without the one that keeps created times."""

    def string(value):
        return struct.pack("<I", len(value)) + value

    with path.open("wb") as out:
        keys = list(client.scan_iter(count=10_000, _type="hash"))
        for start in range(0, len(keys), 1000):
            pipe = client.pipeline(transaction=False)
            for key in keys[start:start + 1000]:
                pipe.hgetall(key)
            for key, fields in zip(keys[start:start + 1000], pipe.execute()):
                fields = {f: v for f, v in fields.items() if not f.startswith(b"_cr:")}
                out.write(string(key) + struct.pack("<I", len(fields)) + b"".join(string(f) + string(v) for f, v in fields.items()))


def into_redis(count):
    """With newest-wins and with plain overwriting, in Feast's layout; and packed."""
    import servers

    redis = servers.redis_server("redis")
    client = servers.redis_client(redis)
    file = WORK / "floor.dump"

    def provender(name, options):
        store = f"{{type: redis, connection_string: '{redis.address}'{options}}}"
        repo = write_repo(WORK / f"materialize_redis_{name}", definitions(), store)

        def run():
            client.flushall()
            for old in (repo / "data").glob("*.db*"):
                old.unlink()
            measure([PROVENDER, "-c", repo, "apply", "--skip-source-validation"])
            figures = measure([PROVENDER, "-c", repo, "materialize", START, END])
            return figures | {"keys": float(client.dbsize())}
        return run

    def floor():
        client.flushall()
        said = subprocess.run([LOAD, "hset", redis.address, str(file)], check=True, capture_output=True, text=True)
        return {"seconds": json.loads(said.stdout)["seconds"], "keys": float(client.dbsize())}

    contenders = {
        "newest wins": provender("newest", ""), "overwrite": provender("overwrite", ", write_mode: overwrite"),
        "packed": provender("packed", ", layout: packed"), "floor": floor}
    try:
        contenders["newest wins"]()
        dump(client, file)
        table("materialize 1,000,000 rows into Redis (goal: newest wins within 1.6 of the floor)", rounds(contenders, count), "floor")
    finally:
        redis.stop()


rounds_wanted, *options = sys.argv[1:]
match options:
    case [] | ["--into", "sqlite"]:
        into_sqlite(int(rounds_wanted))
    case ["--into", "redis"]:
        into_redis(int(rounds_wanted))
    case _:
        raise SystemExit(f"unknown options {options}; there is --into sqlite|redis")
