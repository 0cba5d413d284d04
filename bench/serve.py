"""The HTTP server over SQLite: time to the first answer, memory idle and under load, requests/s at 1, 10 and 100 rows of 10 features, beside Feast."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

import psutil

import data
from common import PROVENDER, PYTHON, WORK, measure, table, write_repo

FEAST = pathlib.Path(PYTHON).parent / "feast"
REFERENCES = [f"view:f{j}" for j in range(10)]
SECONDS = 4


def body(rows, seed=0):
    return json.dumps({"features": REFERENCES, "entities": {"entity": [(seed * 7919 + i * 613) % data.KEYS for i in range(rows)]}})


def ask(port, text):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/get-online-features", text, {"content-type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()


def load(port, rows, connections=8):
    """Requests a second and the 99th percentile in milliseconds."""
    stop, spent = time.monotonic() + SECONDS, []

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        seed = number
        while time.monotonic() < stop:
            began = time.monotonic()
            connection.request("POST", "/get-online-features", body(rows, seed), {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            spent.append(time.monotonic() - began)
            seed += connections

    threads = [threading.Thread(target=client, args=(n,)) for n in range(connections)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    spent.sort()
    return len(spent) / SECONDS, spent[int(len(spent) * 0.99)] * 1000


def memory(process):
    whole = [psutil.Process(process.pid)]
    whole += whole[0].children(recursive=True)
    return sum(p.memory_info().rss for p in whole) / 1e6


def serve(command, port, repo):
    began = time.monotonic()
    process = subprocess.Popen([str(c) for c in command], cwd=repo, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while True:
            try:
                status, answer = ask(port, body(1))
                break
            except OSError:
                if process.poll() is not None or time.monotonic() - began > 60:
                    raise
                time.sleep(0.002)
        assert status == 200, answer
        figures = {"seconds": time.monotonic() - began, "idle MB": memory(process)}
        for rows in (1, 10, 100):
            figures[f"{rows} rows/s"], figures[f"{rows} p99 ms"] = load(port, rows)
        figures["loaded MB"] = memory(process)
        return figures
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


repo = write_repo(WORK / "serve_repo", {"features.yaml": data.definitions(data.features(1_000_000, 1))})
measure([PROVENDER, "-c", repo, "apply"])
measure([PROVENDER, "-c", repo, "materialize", "2025-12-31", "2026-02-15"])
feast_repo = WORK / "serve_feast"
shutil.rmtree(feast_repo, ignore_errors=True)
shutil.copytree(repo, feast_repo)
(feast_repo / "feature_store.yaml").write_text(
    "project: bench\nprovider: local\nregistry: data/registry.db\nonline_store: {type: sqlite, path: data/online.db}\nentity_key_serialization_version: 3\n")
contenders = {
    "provender": ([PROVENDER, "-c", repo, "serve", "--port", "7566"], 7566, repo),
    "feast, 2 workers": ([FEAST, "serve", "-p", "7567", "--workers", "2", "--no-access-log"], 7567, feast_repo),
}
samples = {name: [] for name in contenders}
for _ in range(int(sys.argv[1])):
    for name, arguments in contenders.items():
        samples[name].append(serve(*arguments))
        print(f"  {name:20} " + "  ".join(f"{k} {v:.2f}" for k, v in samples[name][-1].items()), flush=True)
medians = {name: {k: statistics.median(r[k] for r in runs) for k in runs[0]} for name, runs in samples.items()}
table("serve over SQLite (seconds = first answer; the client is Python and is part of the figures)", medians, "provender")
