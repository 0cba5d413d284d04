"""Shared by the benchmarks: running a command with its figures, interleaved rounds, tables."""
import json
import os
import pathlib
import statistics
import subprocess
import sys

WORK = pathlib.Path(os.environ["PROVENDER_BENCH_WORK"])
PROVENDER = os.environ["PROVENDER_BINARY"]
LOAD = os.environ.get("PROVENDER_BENCH_LOAD")
PYTHON = sys.executable
HERE = pathlib.Path(__file__).parent


def measure(command, cwd=None):
    """Runs a command to its end: wall and CPU seconds, and the peak resident memory of the process in MB."""
    figures, log = WORK / "figures", WORK / "last.log"
    subprocess.run([PYTHON, "-I", "-S", HERE / "run.py", figures, log, *map(str, command)], cwd=cwd, check=True)
    seconds, cpu, mb, code = map(float, figures.read_text().split())
    if code:
        raise SystemExit(f"{' '.join(map(str, command))}\nfailed ({code:.0f}):\n{log.read_text()[-3000:]}")
    return {"seconds": seconds, "cpu": cpu, "mb": mb}


def rounds(contenders, count):
    """Runs every contender once a round, interleaved. `contenders`: name -> function that answers a dict of figures."""
    samples = {name: [] for name in contenders}
    for number in range(count):
        for name, run in contenders.items():
            sample = run()
            samples[name].append(sample)
            print(f"  round {number + 1}: {name:24} " + "  ".join(f"{k} {v:.3f}" for k, v in sample.items()), flush=True)
    return {name: {key: statistics.median(s[key] for s in runs) for key in runs[0]} for name, runs in samples.items()}


def table(title, medians, reference):
    """Prints the medians, with the ratio of seconds to the reference contender."""
    print(f"\n{title} (medians)")
    keys = list(dict.fromkeys(key for figures in medians.values() for key in figures))
    print(f"  {'':24} " + " ".join(f"{key:>10}" for key in keys) + f" {'ratio':>8}")
    base = medians[reference]["seconds"]
    for name, figures in medians.items():
        cells = " ".join(f"{figures[key]:10.3f}" if key in figures else " " * 10 for key in keys)
        print(f"  {name:24} {cells} {figures['seconds'] / base:8.2f}")
    with open(WORK / "results.jsonl", "a") as out:
        out.write(json.dumps({"title": title, "reference": reference, "medians": medians}) + "\n")


def write_repo(folder, files, online_store="{type: sqlite, path: data/online.db}", serving="online_ttl: report"):
    """A feature repository of these files, without a registry or SQLite store."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (folder / "data").glob("*.db*"):
        old.unlink()
    (folder / "feature_store.yaml").write_text(
        f"project: bench\nregistry: data/registry.db\nonline_store: {online_store}\n{serving}\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder
