"""Feast's side of the interop tests: ask.py REPO WHAT [ARGUMENT], answers JSON on the last line. `ask.py REPO each LIST` asks several things, as
starting takes longer than most of them: a list of lists of WHAT and its arguments."""
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ["FEAST_USAGE"] = "False"
repo, what, *rest = sys.argv[1:]
os.chdir(repo)

import pandas as pd
from feast import FeatureStore

store = FeatureStore(repo_path=repo)


def names(objects):
    return sorted(o.name for o in objects)


def listing():
    views = {}
    for view in store.list_feature_views():
        views[view.name] = {
            "entities": list(view.entities),
            "features": {f.name: str(f.dtype) for f in view.features},
            "keys": {f.name: str(f.dtype) for f in view.entity_columns},
            "ttl": view.ttl.total_seconds() if view.ttl else 0,
            "intervals": [[a.isoformat(), b.isoformat()] for a, b in view.materialization_intervals],
            "tags": dict(view.tags),
            "owner": view.owner,
        }
    return {
        "project": store.project,
        "entities": names(store.list_entities()),
        "sources": names(store.list_data_sources()),
        "views": views,
        "on_demand": names(store.list_on_demand_feature_views()),
        "services": {s.name: [p.name_to_use() for p in s.feature_view_projections] for s in store.list_feature_services()},
        "permissions": names(store.list_permissions()),
    }


def online(request):
    request = json.loads(request)
    answer = store.get_online_features(
        features=request.get("features") or store.get_feature_service(request["feature_service"]),
        entity_rows=request["rows"], full_feature_names=request.get("full", False))
    return {k: [str(v) if isinstance(v, bytes) else v for v in values] for k, values in answer.to_dict().items()}


def historical(request):
    request = json.loads(request)
    frame = pd.DataFrame(request["rows"])
    frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], utc=True)
    answer = store.get_historical_features(entity_df=frame, features=request["features"]).to_arrow()
    return {c: [v.isoformat() if hasattr(v, "isoformat") else v for v in answer.column(c).to_pylist()] for c in answer.column_names}


def materialize(window, *views):
    start, end = (pd.Timestamp(t, tz="UTC").to_pydatetime() for t in json.loads(window))
    store.materialize(start, end, feature_views=list(views) or None)
    return True


def rows_of(request):
    """Entity keys, and values by feature as messages."""
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    keys = [EntityKey(join_keys=["driver_id"], entity_values=[Value(int64_val=row["driver_id"])]) for row in request["rows"]]
    values = [{name: Value.FromString(bytes.fromhex(text)) for name, text in row["values"].items()} for row in request["rows"]]
    return keys, values


def write_values(request):
    """Writes values as they are, through Feast's own online store."""
    request = json.loads(request)
    view = store.get_feature_view(request["view"])
    when = pd.Timestamp(request["event_timestamp"], tz="UTC").to_pydatetime()
    keys, values = rows_of(request)
    data = [(key, cells, when, None) for key, cells in zip(keys, values)]
    store._get_provider().online_write_batch(store.config, view, data, None)
    return len(data)


def differing_values(request):
    """Reads the values through Feast's own online store, and names those that are others, or were written at another time."""
    request = json.loads(request)
    view = store.get_feature_view(request["view"])
    when = pd.Timestamp(request["event_timestamp"], tz="UTC").to_pydatetime()
    keys, values = rows_of(request)
    names = sorted(values[0])
    found = store._get_provider().online_read(store.config, view, keys, list(names))
    wrong = []
    for row, (time, cells), expected in zip(request["rows"], found, values):
        if time is None or pd.Timestamp(time).tz_convert("UTC").to_pydatetime() != when:
            wrong.append([row["driver_id"], "event_timestamp", str(time)])
        for name in names:
            if cells is None or cells[name] != expected[name]:
                wrong.append([row["driver_id"], name, str(cells and cells[name]), str(expected[name])])
    return wrong


def send_values(request):
    """Has a Provender server write the values, by gRPC."""
    import grpc
    from feast.protos.feast.serving.GrpcServer_pb2 import WriteToOnlineStoreRequest
    from feast.protos.feast.serving.GrpcServer_pb2_grpc import GrpcFeatureServerStub

    request = json.loads(request)
    with grpc.insecure_channel(request["address"]) as channel:
        for row, cells in zip(request["rows"], rows_of(request)[1]):
            message = WriteToOnlineStoreRequest(feature_view_name=request["view"])
            message.typed_features["driver_id"].int64_val = row["driver_id"]
            message.typed_features["event_timestamp"].string_val = request["event_timestamp"] + "Z"
            for name, value in cells.items():
                message.typed_features[name].CopyFrom(value)
            answer = GrpcFeatureServerStub(channel).WriteToOnlineStore(message)
            if not answer.status:
                raise RuntimeError(str(answer))
    return True


def answers(requests):
    """What Feast's HTTP server answers."""
    from feast.feature_server_utils import convert_response_to_dict

    found = []
    for request in json.loads(requests):
        found.append(convert_response_to_dict(store.get_online_features(features=request["features"], entity_rows=request["entities"]).proto))
    return found


functions = {f.__name__: f for f in (listing, online, historical, materialize, write_values, differing_values, send_values, answers)}
if what == "each":
    answer = [functions[name](*arguments) for name, *arguments in json.loads(rest[0])]
else:
    answer = functions[what](*rest)
print(json.dumps(answer))
