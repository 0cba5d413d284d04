"""Online serving over Redis: Provender by HTTP and gRPC, in Feast's layout and packed, with 30 and 500 views in the registry; beside Feast,
raw pipelined reads of the same fields, and an HTTP server with a canned answer. All answers are compared with Feast's before the clock starts.

PROVENDER_BENCH_ONLY=provender,raw and PROVENDER_BENCH_CELLS="1 x 50,10 x 50" leave the rest out."""
import json
import os
import statistics
import subprocess
import sys
import time

from common import LOAD, PROVENDER, WORK, measure, write_repo
import online_data as data
import servers

ROUNDS = int(sys.argv[1])
SECONDS = 1.5
WINDOW = ("2025-12-01", "2026-02-01")
MANY_VIEWS = 500
CONTENDERS = ["raw", "canned", "provender", "gRPC", "packed", "500 views", "feast"]
# Goals: throughput to raw reads at 16 connections, and milliseconds of the server's CPU a request.
GOALS = {"1 x 50": (0.75, 0.02), "10 x 50": (0.95, 0.05), "100 x 50": (0.93, 0.3), "100 x 250": (0.95, 1.3), "mixed 100 x 50": (0.88, 0.7)}


def chosen(variable, all_of_them):
    names = [name for name in os.environ.get(variable, "").split(",") if name]
    unknown = set(names) - set(all_of_them)
    if unknown:
        raise SystemExit(f"{variable} names {', '.join(unknown)}; there are {', '.join(all_of_them)}")
    return names or list(all_of_them)


def repo(name, redis, options="", more_views=0):
    """A repository over a Redis, applied."""
    store = f"{{type: redis, connection_string: '{redis.address}'{options}}}"
    folder = write_repo(WORK / f"online_{name}", {"features.yaml": data.definitions(more_views)}, store, "compat: feast")
    measure([PROVENDER, "-c", folder, "apply", "--skip-source-validation"])
    return folder


def materialize(folder):
    figures = measure([PROVENDER, "-c", folder, "materialize", *WINDOW])
    print(f"  {folder.name}: materialized in {figures['seconds']:.1f} s", flush=True)


def feasts_repo(ours, redis):
    """Feast over the same registry file and the same Redis."""
    folder = WORK / "online_feast"
    folder.mkdir(exist_ok=True)
    (folder / "feature_store.yaml").write_text(
        f"project: {data.PROJECT}\nprovider: local\nregistry: {{path: {ours}/data/registry.db, cache_ttl_seconds: 3600}}\n"
        f"online_store: {{type: redis, connection_string: '{redis.address}'}}\noffline_store: {{type: duckdb}}\nentity_key_serialization_version: 3\n")
    return folder


def by_feature(answer):
    return dict(zip(answer["metadata"]["feature_names"], answer["results"]))


def ask_grpc(server, messages):
    """Answers to the first calls, as the dictionaries that Feast's HTTP server makes of them."""
    import grpc
    from feast.feature_server_utils import convert_response_to_dict
    from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesRequest
    from feast.protos.feast.serving.ServingService_pb2_grpc import ServingServiceStub

    strings = messages.read_bytes()
    answers = []
    with grpc.insecure_channel(server.address) as channel:
        while strings and len(answers) < 20:
            length = int.from_bytes(strings[:4], "little")
            request = GetOnlineFeaturesRequest.FromString(strings[4:4 + length])
            strings = strings[4 + length:]
            response = ServingServiceStub(channel).GetOnlineFeatures(request)
            names = response.metadata.feature_names.val
            answers.append(dict(zip(names, convert_response_to_dict(response)["results"])))
    return answers


def compare(cell, up, files):
    """Twenty answers of each contender with Feast's, or with Provender's own where Feast is left out."""
    bodies = files[cell][0].read_text().splitlines()[:20]
    reference = [by_feature(json.loads(servers.post(up.get("feast") or next(iter(up.values())), body))) for body in bodies]
    for name, server in up.items():
        if name == "gRPC":
            answers = ask_grpc(server, files[cell][1])
        else:
            answers = [by_feature(json.loads(servers.post(server, body))) for body in bodies]
        for ours, theirs in zip(answers, reference, strict=True):
            if ours != theirs:
                wrong = [n for n in theirs if ours.get(n) != theirs[n]] or sorted(ours.keys() - theirs.keys())
                difference = f"{str(ours.get(wrong[0]))[:1000]}\n{str(theirs.get(wrong[0]))[:1000]}"
                raise SystemExit(f"{name}, {cell}: the answer differs from the reference in {wrong[0]}:\n{difference}")


def load(kind, address, file, connections, seconds, rows=()):
    command = [LOAD, kind, address, file, *rows, connections, seconds]
    return json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout)


def sample(name, cell, connections, world):
    """One run of one contender."""
    bodies, messages = world["files"][cell]
    rows = data.CELLS[cell][1]
    if name == "raw":
        return load("redis", world["redis"].address, world["plans"][cell], connections, SECONDS, (rows,))
    if name == "canned":
        return load("http", world["canned"][cell].address, bodies, connections, SECONDS)
    server = world["up"][name]
    redis = world["packed redis" if name == "packed" else "redis"]
    # A slow server gets longer, so that every connection has several answers.
    seconds = min(8, max(SECONDS, 2 * connections * world["once"][name, cell]))
    before = server.cpu(), redis.cpu()
    kind, file = ("grpc", messages) if name == "gRPC" else ("http", bodies)
    figures = load(kind, server.address, file, connections, seconds)
    server.drain()
    if figures["errors"]:
        raise SystemExit(f"{name}, {cell}: {figures['errors']} errors")
    requests = max(figures["requests"], 1)
    return figures | {"cpu_ms": 1e3 * (server.cpu() - before[0]) / requests, "redis_cpu_ms": 1e3 * (redis.cpu() - before[1]) / requests,
                      "mb": server.memory()}


def once(server, body):
    servers.post(server, body)
    began = time.monotonic()
    servers.post(server, body)
    return time.monotonic() - began


def report(samples, cells, names):
    for cell in cells:
        print(f"\n{cell} (medians of {ROUNDS}; 16 connections | 1 connection)")
        print(f"  {'':10} {'requests/s':>11} {'to raw':>7} {'goal':>6} {'CPU ms':>8} {'goal':>6} {'Redis ms':>9} {'p50 ms':>8} {'p99 ms':>9} |"
              f" {'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'p99 to raw':>10} {'MB':>6}")

        def median(name, connections, key):
            values = [s[key] for s in samples.get((name, cell, connections), []) if key in s]
            return statistics.median(values) if values else None

        def text(value, width, digits):
            return f"{'-':>{width}}" if value is None else f"{value:{width},.{digits}f}"

        raw, raw99 = median("raw", 16, "rps"), median("raw", 1, "p99_ms")
        for name in names:
            rps, p99 = median(name, 16, "rps"), median(name, 1, "p99_ms")
            goals = GOALS[cell] if name in ("provender", "gRPC", "500 views") else (None, None)
            if name == "packed" and cell == "100 x 50":
                goals = (6.0, None)
            busy = [(rps, 11, 1), (raw and rps / raw, 7, 2), (goals[0], 6, 2), (median(name, 16, "cpu_ms"), 8, 3), (goals[1], 6, 2),
                    (median(name, 16, "redis_cpu_ms"), 9, 3), (median(name, 16, "p50_ms"), 8, 3), (median(name, 16, "p99_ms"), 9, 3)]
            alone = [(median(name, 1, "rps"), 11, 1), (median(name, 1, "p50_ms"), 8, 3), (p99, 8, 3), (raw99 and p99 / raw99, 10, 2),
                     (median(name, 16, "mb"), 6, 0)]
            print(f"  {name:10} {' '.join(text(*c) for c in busy)} | {' '.join(text(*c) for c in alone)}")


def report_goals_across(samples, cells):
    """What is compared between contenders and not with raw reads."""
    for name, goal in (("gRPC", "at least 1"), ("500 views", "0.95 to 1.05")):
        for cell in cells:
            pairs = zip(samples.get((name, cell, 16), []), samples.get(("provender", cell, 16), []))
            ratios = [a["rps"] / b["rps"] for a, b in pairs]
            if ratios:
                print(f"{name} to provender by HTTP, {cell}: {statistics.median(ratios):.2f} (goal {goal})")


def start(names, world, running):
    """Redis with the data in it, then the servers."""

    def keep(server):
        running.append(server)
        return server

    data.sources()
    redis = world["redis"] = keep(servers.redis_server("redis"))
    ours = repo("feast_layout", redis)
    materialize(ours)
    up = world["up"] = {}
    if "provender" in names or "gRPC" in names:
        up["provender"] = keep(servers.provender_server("provender", PROVENDER, ours))
    if "gRPC" in names:
        up["gRPC"] = up["provender"]
    if "500 views" in names:
        up["500 views"] = keep(servers.provender_server("500 views", PROVENDER, repo("500_views", redis, "", MANY_VIEWS - len(data.INTS | data.MIXED))))
    if "packed" in names:
        packed = world["packed redis"] = keep(servers.redis_server("packed redis"))
        folder = repo("packed", packed, ", layout: packed")
        materialize(folder)
        up["packed"] = keep(servers.provender_server("packed", PROVENDER, folder))
        mb = [servers.redis_client(server).info("memory")["used_memory"] / 1e6 for server in (redis, packed)]
        print(f"Redis memory: Feast's layout {mb[0]:.0f} MB, packed {mb[1]:.0f} MB, a part of {mb[1] / mb[0]:.2f} (goal 0.25)", flush=True)
    if "feast" in names:
        up["feast"] = keep(servers.feast_server("feast", feasts_repo(ours, redis)))


def main():
    names = chosen("PROVENDER_BENCH_ONLY", CONTENDERS)
    cells = chosen("PROVENDER_BENCH_CELLS", data.CELLS)
    world, running, samples = {}, [], {}
    try:
        start(names, world, running)
        up = world["up"]
        world["files"] = {cell: data.requests(cell) for cell in cells}
        world["plans"] = {cell: data.plan(cell) for cell in cells}
        for cell in cells:
            compare(cell, up, world["files"])
        print(f"answers compared with {'Feast' if 'feast' in up else 'Provender'}'s: equal", flush=True)
        first = {cell: world["files"][cell][0].read_text().split("\n", 1)[0] for cell in cells}
        world["once"] = {(name, cell): once(server, first[cell]) for name, server in up.items() for cell in cells}
        if "canned" in names:
            world["canned"] = {cell: servers.canned_server(f"canned {cell}", servers.post(up.get("feast") or up["provender"], first[cell])) for cell in cells}
            running += world["canned"].values()
        idle = {name: server.memory() for name, server in up.items()}
        for number in range(ROUNDS):
            for cell in cells:
                for connections in (16, 1):
                    for name in names:
                        figures = sample(name, cell, connections, world)
                        samples.setdefault((name, cell, connections), []).append(figures)
                        print(f"  round {number + 1}: {cell:14} {connections:2} {name:10} " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()), flush=True)
    finally:
        for server in reversed(running):
            server.stop()
    report(samples, cells, names)
    print()
    report_goals_across(samples, cells)
    for name, mb in idle.items():
        most = max(s["mb"] for (n, _, _), runs in samples.items() if n == name for s in runs)
        print(f"memory of {name}: {mb:.0f} MB before load, at most {most:.0f} MB under it{'' if name == 'feast' else ' (goal < 30)'}")
    with open(WORK / "results.jsonl", "a") as out:
        rows = [{"contender": n, "cell": c, "connections": k, "runs": runs} for (n, c, k), runs in samples.items()]
        out.write(json.dumps({"title": "online", "samples": rows}) + "\n")


main()
