"""The join written by hand with Polars: FOLDER,FOLDER… ENTITIES OUT, ttl one day; ties on the event time go to the newest created.
Features come out as view__f0, view1__f0 and so on."""
import sys

import polars as pl

folders, entities, out = sys.argv[1:]
joined = spine = pl.scan_parquet(entities).sort("event_timestamp")
for i, folder in enumerate(folders.split(",")):
    rows = (
        pl.scan_parquet(f"{folder}/*.parquet")
        .join(spine.select("entity").unique(), on="entity", how="semi")
        .sort("event_timestamp", "created")
        .drop("created")
        .rename({f"f{j}": f"view{i or ''}__f{j}" for j in range(10)})
    )
    joined = joined.join_asof(rows, on="event_timestamp", by="entity", strategy="backward", tolerance="1d", check_sortedness=False)
joined.collect().write_parquet(out, compression="snappy")
