"""Data of the online benchmark: 10,000 entities; 250 integers in 25 views of ten (the shape of Feast's published suite), and 50 features of
mixed types in five views; requests for random entities that are all there."""
import json
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import WORK

PROJECT = "bench"
ENTITIES = 10_000
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
INTS = {f"int_{i}": [f"feature_{10 * i + j}" for j in range(10)] for i in range(25)}
MIXED = {
    "mixed_text": [f"text_{i}" for i in range(10)],
    "mixed_float": [f"f{bits}_{i}" for bits in (32, 64) for i in range(5)],
    "mixed_small": [f"bool_{i}" for i in range(5)] + [f"i32_{i}" for i in range(5)],
    "mixed_list": [f"floats_{i}" for i in range(4)] + [f"ints_{i}" for i in range(3)] + [f"texts_{i}" for i in range(3)],
    "mixed_time": [f"time_{i}" for i in range(5)] + [f"i64_{i}" for i in range(5)],
}
SERVICES = {"ints_50": list(INTS)[:5], "ints_250": list(INTS), "mixed_50": list(MIXED)}
TYPES = {
    "feature": "Int64", "text": "String", "f32": "Float32", "f64": "Float64", "bool": "Bool", "i32": "Int32", "i64": "Int64",
    "time": "UnixTimestamp", "floats": "Array(Float32)", "ints": "Array(Int64)", "texts": "Array(String)",
}
# name -> (feature service, entity rows)
CELLS = {
    "1 x 50": ("ints_50", 1), "10 x 50": ("ints_50", 10), "100 x 50": ("ints_50", 100), "100 x 250": ("ints_250", 100),
    "mixed 100 x 50": ("mixed_50", 100),
}
FOLDER = WORK / "online"
WORDS = np.array('lisbon oslo new-york köln 東京 são-paulo premium basic churn-risk a"quoted" C:\\path electronics garden 2024-Q3 n/a'.split())


def times(values):
    return pa.array(values, pa.timestamp("us", tz="UTC"))


def column(name, rng):
    """One column of mixed types; scalars have 2 % nulls, times and lists none."""
    kind = name.split("_")[0]

    def scalar(values):
        return pa.array(values, mask=rng.random(ENTITIES) < 0.02)

    def lists(length, make, kind):
        return pa.array([make(length) for _ in range(ENTITIES)], pa.list_(kind))

    return {
        "text": lambda: scalar(np.array([f"{' '.join(WORDS[rng.integers(0, len(WORDS), 3)])} {i}" for i in range(ENTITIES)])),
        "f32": lambda: scalar(rng.normal(0, 100, ENTITIES).astype("float32")),
        "f64": lambda: scalar(rng.normal(0, 100, ENTITIES)),
        "bool": lambda: scalar(rng.random(ENTITIES) < 0.5),
        "i32": lambda: scalar(rng.integers(-(2**31), 2**31 - 1, ENTITIES).astype("int32")),
        "i64": lambda: scalar(rng.integers(-(2**60), 2**60, ENTITIES)),
        "time": lambda: times(START + rng.integers(0, 10**9, ENTITIES) * 1_000_000),
        "floats": lambda: lists(16, lambda n: rng.normal(0, 1, n).astype("float32"), pa.float32()),
        "ints": lambda: lists(8, lambda n: rng.integers(0, 10**6, n), pa.int64()),
        "texts": lambda: lists(4, lambda n: list(WORDS[rng.integers(0, len(WORDS), n)]), pa.string()),
    }[kind]()


def sources():
    """The two Parquet files; made once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    base = {"entity": np.arange(ENTITIES), "event_timestamp": times(np.full(ENTITIES, START))}
    if not (FOLDER / "ints.parquet").exists():
        rng = np.random.default_rng(1)
        features = {name: rng.integers(1, ENTITIES, ENTITIES) for view in INTS.values() for name in view}
        pq.write_table(pa.table(base | features), FOLDER / "ints.parquet")
    if not (FOLDER / "mixed.parquet").exists():
        rng = np.random.default_rng(2)
        features = {name: column(name, rng) for view in MIXED.values() for name in view}
        pq.write_table(pa.table(base | features), FOLDER / "mixed.parquet")


def definitions(more=0):
    """All views and services, and as many more views that nobody asks for."""
    documents = ["kind: Entity\nname: entity\njoin_keys: [entity]\nvalue_type: INT64"]
    for source in ("ints", "mixed"):
        documents.append(f"kind: FileSource\nname: {source}\npath: {FOLDER}/{source}.parquet\ntimestamp_field: event_timestamp")
    others = {f"other_{i}": INTS[f"int_{i % 25}"] for i in range(more)}
    for views, source in ((INTS, "ints"), (MIXED, "mixed"), (others, "ints")):
        for view, features in views.items():
            schema = ", ".join(f"{{name: {f}, dtype: {TYPES[f.split('_')[0]]}}}" for f in features)
            documents.append(f"kind: FeatureView\nname: {view}\nentities: [entity]\nttl: 36500d\nsource: {source}\nschema: [{schema}]")
    for service, views in SERVICES.items():
        documents.append(f"kind: FeatureService\nname: {service}\nfeatures: [{', '.join(views)}]")
    return "\n---\n".join(documents) + "\n"


def string(value):
    return struct.pack("<I", len(value)) + value


def requests(cell):
    """Two files with the same thousand requests: JSON bodies, and messages of gRPC."""
    from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesRequest

    service, rows = CELLS[cell]
    rng = np.random.default_rng(rows)
    bodies, messages = [], []
    for _ in range(1000):
        entities = rng.integers(0, ENTITIES, rows).tolist()
        bodies.append(json.dumps({"feature_service": service, "entities": {"entity": entities}}))
        message = GetOnlineFeaturesRequest(feature_service=service)
        for entity in entities:
            message.entities["entity"].val.add().int64_val = entity
        messages.append(string(message.SerializeToString()))
    stem = cell.replace(" ", "_")
    (FOLDER / f"{stem}.bodies").write_text("\n".join(bodies) + "\n")
    (FOLDER / f"{stem}.messages").write_bytes(b"".join(messages))
    return FOLDER / f"{stem}.bodies", FOLDER / f"{stem}.messages"


def plan(cell):
    """The reads of a request without any server, for the floor: all fields of the service's views, and the keys of all entities."""
    import mmh3
    from feast.infra.key_encoding_utils import serialize_entity_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    def key(entity):
        message = EntityKey(join_keys=["entity"], entity_values=[Value(int64_val=entity)])
        return serialize_entity_key(message, entity_key_serialization_version=3) + PROJECT.encode()

    fields = []
    for view in SERVICES[CELLS[cell][0]]:
        names = (INTS | MIXED)[view]
        fields += [struct.pack("<I", mmh3.hash(f"{view}:{name}", signed=False)) for name in names] + [f"_ts:{view}".encode()]
    path = FOLDER / f"{cell.replace(' ', '_')}.plan"
    lists = [fields, [key(entity) for entity in range(ENTITIES)]]
    path.write_bytes(b"".join(struct.pack("<I", len(values)) + b"".join(map(string, values)) for values in lists))
    return path
