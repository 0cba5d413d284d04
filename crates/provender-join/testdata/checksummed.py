# Writes checksummed.parquet: 600 rows in 2 row groups, every page with a checksum.
import datetime, sys
import pyarrow as pa, pyarrow.parquet as pq
n = 600
start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
t = pa.table({
    "driver": pa.array([i % 20 for i in range(n)], pa.int64()),
    "event": pa.array([start + datetime.timedelta(seconds=i) for i in range(n)], pa.timestamp("us", tz="UTC")),
    "value": pa.array([i * 0.25 for i in range(n)], pa.float64()),
})
pq.write_table(t, sys.argv[1], row_group_size=300, compression="snappy", write_page_checksum=True, use_dictionary=["driver"], store_schema=False)
