"""`version`, `apply` of 3 and of 500 views, and `apply` again without changes; beside Feast's `version`."""
import shutil
import sys

import data
from common import PROVENDER, PYTHON, WORK, measure, rounds, table, write_repo
import pathlib

FEAST = pathlib.Path(PYTHON).parent / "feast"


def many(views):
    source = data.features(1_000_000, 1) / "part-000.parquet"
    folder = WORK / f"apply_{views}"
    shutil.rmtree(folder, ignore_errors=True)
    head, view = data.definitions(source).split("---\nkind: FileSource\n")
    documents = [head]
    for number in range(views):
        documents.append("kind: FileSource\n" + view.replace("name: rows", f"name: rows_{number}").replace("source: rows", f"source: rows_{number}").replace("name: view", f"name: view_{number}"))
    return write_repo(folder, {"features.yaml": "---\n".join(documents)})


def first(views):
    def run():
        repo = many(views)
        return measure([PROVENDER, "-c", repo, "apply"])
    return run


def again(views):
    def run():
        return measure([PROVENDER, "-c", WORK / f"apply_{views}", "apply"])
    return run


contenders = {
    "version": lambda: measure([PROVENDER, "version"]),
    "apply 3 views": first(3),
    "apply 500 views": first(500),
    "apply 500 views again": again(500),
    "feast version": lambda: measure([FEAST, "version"]),
}
table("start and apply", rounds(contenders, int(sys.argv[1])), "feast version")
