"""Readers and writers on one server over Redis for MINUTES: reads by HTTP and gRPC at full speed, pushes, materializations, and a client that
checks what it reads. Fails on any error, any wrong or older value, and on memory that grows."""
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import LOAD, PROVENDER, WORK, measure, write_repo
from online_data import string
import servers

MINUTES = float(sys.argv[1])
INTERVALS = 20
KEYS = 10_000
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z; version n of a key is of n seconds later
FEATURES = ["events:number", "events:text"]
DEFINITIONS = f"""kind: Entity
name: key
join_keys: [key]
value_type: INT64
---
kind: PushSource
name: pushed
batch_source: {{kind: FileSource, name: rows, path: {WORK}/soak.parquet, timestamp_field: event_timestamp}}
---
kind: FeatureView
name: events
entities: [key]
source: pushed
schema: [{{name: number, dtype: Int64}}, {{name: text, dtype: String}}]
"""


def number(key, version):
    return key * 1_000_000_007 + version


def text(key, version):
    return f"{key}:{version}:" + "x" * (key % 50)


def write_rows():
    keys = np.arange(KEYS)
    pq.write_table(pa.table({
        "key": keys,
        "event_timestamp": pa.array(np.full(KEYS, START), pa.timestamp("us", tz="UTC")),
        "number": pa.array([number(int(k), 0) for k in keys]),
        "text": [text(int(k), 0) for k in keys],
    }), WORK / "soak.parquet")


def write_requests():
    """The same reads as JSON bodies and as messages of gRPC."""
    from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesRequest

    rng = np.random.default_rng(3)
    bodies, messages = [], []
    for number_of_keys in rng.integers(1, 100, 500):
        keys = rng.integers(0, int(KEYS * 1.05), number_of_keys).tolist()
        bodies.append(json.dumps({"features": FEATURES, "entities": {"key": keys}}))
        message = GetOnlineFeaturesRequest()
        message.features.val.extend(FEATURES)
        for key in keys:
            message.entities["key"].val.add().int64_val = key
        messages.append(string(message.SerializeToString()))
    (WORK / "soak.bodies").write_text("\n".join(bodies) + "\n")
    (WORK / "soak.messages").write_bytes(b"".join(messages))


class Soak:
    """What the threads share."""

    def __init__(self, server):
        self.server = server
        self.over = threading.Event()
        self.errors = []
        self.pushes = self.checks = 0
        # The newest version of each key whose push was answered: no later read may be older.
        self.pushed = [0] * KEYS

    def thread(self, work):
        def run():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
                while not self.over.is_set():
                    work(connection)
            except Exception as error:  # told in the table, and fails the run
                self.errors.append(f"{work.__name__}: {error!r}")
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def ask(self, connection, path, body):
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answers {response.status}: {answer[:300]!r}")
        return answer

    def push(self, connection):
        keys = sorted({(self.pushes * 7919 + i * 613) % KEYS for i in range(200)})
        version = self.pushes + 1
        when = np.datetime64(START + version * 1_000_000, "us").astype(str) + "+00:00"
        rows = {"key": keys, "event_timestamp": [when] * len(keys), "number": [number(k, version) for k in keys], "text": [text(k, version) for k in keys]}
        self.ask(connection, "/push", {"push_source_name": "pushed", "df": rows, "to": "online"})
        for key in keys:
            self.pushed[key] = version
        self.pushes += 1

    def check(self, connection):
        keys = [(self.checks * 104_729 + i * 97) % KEYS for i in range(50)] + [KEYS + self.checks]
        least = [self.pushed[key] for key in keys[:-1]]
        answer = json.loads(self.ask(connection, "/get-online-features", {"features": FEATURES, "entities": {"key": keys}}))
        results = dict(zip(answer["metadata"]["feature_names"], answer["results"]))
        numbers, texts = results["number"]["values"], results["text"]["values"]
        if results["number"]["statuses"][-1] != "NOT_FOUND":
            raise RuntimeError(f"key {keys[-1]} was never written and is {results['number']['statuses'][-1]}")
        for key, oldest, seen, words in zip(keys, least, numbers, texts):
            version = -1 if seen is None else seen - key * 1_000_000_007
            if version < oldest or words != text(key, version):
                raise RuntimeError(f"key {key}: {seen} and {words!r}, where version {oldest} was written before")
        self.checks += 1


def interval(soak, repo, seconds):
    """Some seconds of load on top of the threads; figures for one line of the table."""
    address = soak.server.address
    commands = [[LOAD, "http", address, WORK / "soak.bodies", 4, seconds], [LOAD, "grpc", address, WORK / "soak.messages", 2, seconds]]
    loads = [subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True) for command in commands]
    # Rows that are older than what was pushed: they must change nothing.
    measure([PROVENDER, "-c", repo, "materialize", "2025-12-01", "2026-02-01"])
    reads = 0
    for load in loads:
        out, _ = load.communicate()
        if load.returncode:
            soak.errors.append(f"the load generator failed: {' '.join(load.args)}")
            continue
        figures = json.loads(out)
        reads += figures["requests"]
        if figures["errors"]:
            soak.errors.append(f"{figures['errors']} of {figures['requests']} reads failed")
    return reads


def grows(samples):
    """Whether the last fifth has more megabytes than the second: a tenth more, and 3 MB at least."""
    fifth = max(1, len(samples) // 5)
    early, late = statistics.median(samples[fifth:2 * fifth] or samples), statistics.median(samples[-fifth:])
    return late > early * 1.1 and late > early + 3


def main():
    write_rows()
    write_requests()
    redis = servers.redis_server("soak redis")
    running = [redis]
    threads, memory = [], {"server": [], "redis": []}
    try:
        repo = write_repo(WORK / "soak_repo", {"features.yaml": DEFINITIONS}, f"{{type: redis, connection_string: '{redis.address}'}}")
        measure([PROVENDER, "-c", repo, "apply"])
        measure([PROVENDER, "-c", repo, "materialize", "2025-12-01", "2026-02-01"])
        server = servers.provender_server("soak server", PROVENDER, repo)
        running.append(server)
        soak = Soak(server)
        threads = [soak.thread(soak.push), soak.thread(soak.check)]
        print(f"{'minutes':>8} {'reads':>10} {'checked':>8} {'pushes':>8} {'errors':>7} {'server MB':>10} {'Redis MB':>9}")
        began = time.monotonic()
        for _ in range(INTERVALS):
            checks, pushes = soak.checks, soak.pushes
            reads = interval(soak, repo, MINUTES * 60 / INTERVALS)
            memory["server"].append(server.memory())
            memory["redis"].append(redis.memory())
            print(f"{(time.monotonic() - began) / 60:8.2f} {reads:10,} {soak.checks - checks:8,} {soak.pushes - pushes:8,} {len(soak.errors):7}"
                  f" {memory['server'][-1]:10.1f} {memory['redis'][-1]:9.1f}", flush=True)
            if soak.errors:
                break
    finally:
        if threads:
            soak.over.set()
            for thread in threads:
                thread.join()
        for process in reversed(running):
            process.stop()
    problems = soak.errors + [f"memory of {name} grows: {samples}" for name, samples in memory.items() if grows(samples)]
    if problems:
        raise SystemExit("\n".join(problems))
    print("no error, no wrong or older value, memory does not grow")


main()
