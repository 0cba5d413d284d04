"""Feast's side of the interop tests: ask.py REPO WHAT [ARGUMENT], answers JSON on the last line."""
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


def materialize(window):
    start, end = (pd.Timestamp(t, tz="UTC").to_pydatetime() for t in json.loads(window))
    store.materialize(start, end, feature_views=rest[1:] or None)
    return True


answer = {"listing": listing, "online": online, "historical": historical, "materialize": materialize}[what](*rest[:1])
print(json.dumps(answer))
