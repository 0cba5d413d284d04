"""Materialize 1M rows of 100k keys x 10 doubles into SQLite, beside writing the very same bytes with a prepared statement."""
import pathlib
import sqlite3
import sys
import time

import data
from common import PROVENDER, WORK, measure, rounds, table, write_repo

START, END = "2025-12-31", "2026-02-15"
repo = write_repo(WORK / "materialize_repo", {"features.yaml": data.definitions(data.features(1_000_000, 1))})
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
table("materialize 1,000,000 rows into SQLite", rounds({"provender": provender, "floor": floor}, int(sys.argv[1])), "floor")
