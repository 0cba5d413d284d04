"""The join written by hand with DuckDB: FEATURES ENTITIES OUT, ttl one day; ties on the event time go to the newest created."""
import sys

import duckdb

features, entities, out = sys.argv[1:]
db = duckdb.connect()
db.execute("SET TimeZone='UTC'; SET preserve_insertion_order=false")
columns = ", ".join(f"CASE WHEN f.event_timestamp >= e.event_timestamp - INTERVAL 1 DAY THEN f.f{j} END AS f{j}" for j in range(10))
db.execute(f"""
COPY (
  SELECT e.*, {columns}
  FROM read_parquet('{entities}') e
  ASOF LEFT JOIN (
    SELECT * FROM read_parquet('{features}/*.parquet')
    WHERE entity IN (SELECT entity FROM read_parquet('{entities}'))
    QUALIFY row_number() OVER (PARTITION BY entity, event_timestamp ORDER BY created DESC) = 1
  ) f ON e.entity = f.entity AND e.event_timestamp >= f.event_timestamp
) TO '{out}' (FORMAT parquet, COMPRESSION snappy)
""")
