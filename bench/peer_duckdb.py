"""The join written by hand with DuckDB: FOLDER,FOLDER… ENTITIES OUT, ttl one day; ties on the event time go to the newest created.
The i-th folder has the columns f{10 i} to f{10 i + 9}."""
import sys

import duckdb

folders, entities, out = sys.argv[1:]
db = duckdb.connect()
db.execute("SET TimeZone='UTC'; SET preserve_insertion_order=false")
joined = f"read_parquet('{entities}')"
for i, folder in enumerate(folders.split(",")):
    columns = ", ".join(
        f"CASE WHEN f.event_timestamp >= e.event_timestamp - INTERVAL 1 DAY THEN f.f{j} END AS f{j}" for j in range(10 * i, 10 * i + 10))
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
