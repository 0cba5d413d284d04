"""The join written by hand with DuckDB: FOLDER,FOLDER… ENTITIES OUT, ttl one day; ties on the event time go to the newest created.
Features come out as view__f0, view1__f0 and so on."""
import sys

import duckdb

folders, entities, out = sys.argv[1:]
db = duckdb.connect()
db.execute("SET TimeZone='UTC'; SET preserve_insertion_order=false")
joined = f"read_parquet('{entities}')"
for i, folder in enumerate(folders.split(",")):
    is_live = "f.event_timestamp >= e.event_timestamp - INTERVAL 1 DAY"
    columns = ", ".join(f"CASE WHEN {is_live} THEN f.f{j} END AS view{i or ''}__f{j}" for j in range(10))
    joined = f"""(
  SELECT e.*, {columns}
  FROM {joined} e
  ASOF LEFT JOIN (
    SELECT * FROM read_parquet('{folder}/*.parquet')
    WHERE entity IN (SELECT entity FROM read_parquet('{entities}'))
    QUALIFY row_number() OVER (PARTITION BY entity, event_timestamp ORDER BY created DESC) = 1
  ) f ON e.entity = f.entity AND e.event_timestamp >= f.event_timestamp
)"""
db.execute(f"COPY {joined} TO '{out}' (FORMAT parquet, COMPRESSION snappy)")
