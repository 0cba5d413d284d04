"""Delta tables as Spark writes them, each with the rows that Spark reads back: `python spark.py [FOLDER [NAME ...]]`.

Needs pyspark and delta-spark of one release, and Delta's jars in the folder that `PROVENDER_TEST_DELTA_JARS` names. Writes `FOLDER/spark/NAME`, the tables, and
`FOLDER/expected/spark/NAME[@VERSION].parquet`, their rows in the order of `id`.
"""

import datetime
import decimal
import os
import pathlib
import shutil
import sys

import pyspark.sql.functions as f
from delta.tables import DeltaTable, IdentityGenerator
from pyspark.sql import SparkSession

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent).resolve()
TABLES, EXPECTED = FOLDER / "spark", FOLDER / "expected" / "spark"
JARS = sorted(pathlib.Path(os.environ["PROVENDER_TEST_DELTA_JARS"]).glob("delta-*.jar"))


def session():
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.jars", ",".join(map(str, JARS)))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.databricks.delta.optimizeWrite.enabled", "false")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def rows(spark, first, last):
    """Feature rows with a null here and there: row n is of driver n % 4, an hour after row n - 1."""
    n = f.col("id")
    return spark.range(first, last).select(
        n.alias("id"),
        (n % 4).alias("driver_id"),
        f.timestamp_micros(n * 3_600_000_000 + 1_704_067_200_000_007).alias("event_timestamp"),
        f.timestamp_micros(n * 3_600_000_000 + 1_704_067_260_000_000).alias("created"),
        f.when(n % 5 != 0, n / 8).cast("double").alias("rate"),
        f.when(n % 7 != 0, n * 3).cast("int").alias("trips"),
        f.when(n % 3 != 0, f.concat(f.lit("né "), n.cast("string"))).alias("name"),
        f.array(n, f.lit(None).cast("long")).alias("list"),
    )


def create(spark, name, columns, partitions="", **properties):
    listed = ", ".join(f"'delta.{key}' = '{value}'" for key, value in properties.items())
    spark.sql(
        f"CREATE TABLE delta.`{TABLES / name}` ({columns}) USING delta {partitions}"
        + (f" TBLPROPERTIES ({listed})" if listed else "")
    )


def append(frame, name, **options):
    frame.coalesce(1).write.format("delta").mode("append").options(**options).save(str(TABLES / name))


def expect(spark, name, version=None):
    reader = spark.read.format("delta")
    frame = (reader if version is None else reader.option("versionAsOf", version)).load(str(TABLES / name))
    EXPECTED.mkdir(parents=True, exist_ok=True)
    suffix = "" if version is None else f"@{version}"
    part = EXPECTED / f"{name}{suffix}.tmp"
    frame.orderBy("id").coalesce(1).write.mode("overwrite").parquet(str(part))
    (file,) = part.glob("*.parquet")
    file.replace(EXPECTED / f"{name}{suffix}.parquet")
    shutil.rmtree(part)


COLUMNS = (
    "id BIGINT, driver_id BIGINT, event_timestamp TIMESTAMP, created TIMESTAMP, rate DOUBLE, trips INT, name STRING, list ARRAY<BIGINT>"
)
BASIC = "id BIGINT, driver_id BIGINT, event_timestamp TIMESTAMP, rate DOUBLE"
basic = ("id", "driver_id", "event_timestamp", "rate")


def plain(spark):
    create(spark, "plain", COLUMNS)
    for first in (0, 10, 20):
        append(rows(spark, first, first + 10), "plain")
    for version in (None, 1, 2):
        expect(spark, "plain", version)


def partitioned(spark):
    create(spark, "partitioned", f"{BASIC}, day DATE, region STRING, at TIMESTAMP, amount DECIMAL(9,2)", "PARTITIONED BY (day, region, at, amount)")
    region = f.element_at(f.array(f.lit("eu"), f.lit("a/b=c %é"), f.lit(None), f.lit("us east")), (f.col("id") % 4 + 1).cast("int"))
    frame = rows(spark, 0, 48).select(
        *basic,
        f.col("event_timestamp").cast("date").alias("day"),
        region.alias("region"),
        f.when(f.col("id") % 2 == 0, f.timestamp_micros(f.lit(1_704_067_200_123_456))).alias("at"),
        f.lit(decimal.Decimal("-12.50")).cast("decimal(9,2)").alias("amount"),
    )
    append(frame, "partitioned")
    expect(spark, "partitioned")


def deleted(spark):
    create(spark, "deleted", COLUMNS, enableDeletionVectors="true")
    append(rows(spark, 0, 40), "deleted")
    append(rows(spark, 40, 80), "deleted")
    spark.sql(f"DELETE FROM delta.`{TABLES / 'deleted'}` WHERE id % 6 = 1")
    expect(spark, "deleted", 3)
    spark.sql(f"DELETE FROM delta.`{TABLES / 'deleted'}` WHERE id BETWEEN 30 AND 45")
    spark.sql(f"UPDATE delta.`{TABLES / 'deleted'}` SET rate = -1 WHERE id = 50")
    expect(spark, "deleted")


def mapped(spark, mode):
    """Columns with odd names, one renamed, one dropped and made again with another type; a partition column renamed."""
    name = f"mapped_{mode}"
    create(spark, name, f"{BASIC}, `odd name,;{{}}` STRING, part BIGINT, gone INT, s STRUCT<a: INT, b: STRING>", "PARTITIONED BY (part)",
           **{"columnMapping.mode": mode, "enableDeletionVectors": "true"})

    def frame(first, last):
        return rows(spark, first, last).select(
            *basic,
            f.col("name").alias("odd name,;{}"),
            (f.col("id") % 3).alias("part"),
            f.lit(1).alias("gone"),
            f.struct(f.col("trips").alias("a"), f.col("name").alias("b")).alias("s"),
        )

    append(frame(0, 12), name)
    table = f"delta.`{TABLES / name}`"
    spark.sql(f"ALTER TABLE {table} RENAME COLUMN rate TO `conv rate`")
    spark.sql(f"ALTER TABLE {table} RENAME COLUMN part TO shard")
    spark.sql(f"ALTER TABLE {table} RENAME COLUMN s.a TO aa")
    spark.sql(f"ALTER TABLE {table} DROP COLUMN gone")
    spark.sql(f"ALTER TABLE {table} ADD COLUMN gone STRING")
    later = frame(12, 24).withColumnRenamed("rate", "conv rate").withColumnRenamed("part", "shard")
    later = later.withColumn("gone", f.lit("back")).withColumn("s", f.struct(f.col("s.a").alias("aa"), f.col("s.b").alias("b")))
    append(later, name)
    spark.sql(f"DELETE FROM {table} WHERE id % 5 = 2")
    expect(spark, name)


def evolved(spark):
    create(spark, "evolved", BASIC)
    append(rows(spark, 0, 10).select(*basic), "evolved")
    append(rows(spark, 10, 20).select(*basic, "trips", "name"), "evolved", mergeSchema="true")
    spark.sql(f"ALTER TABLE delta.`{TABLES / 'evolved'}` ADD COLUMN early DOUBLE AFTER id")
    append(rows(spark, 20, 30).select(*basic, "trips", "name").withColumn("early", f.lit(0.5)), "evolved")
    for version in (None, 1):
        expect(spark, "evolved", version)


def widened(spark):
    create(spark, "widened", "id BIGINT, driver_id INT, event_timestamp TIMESTAMP, rate FLOAT", enableTypeWidening="true")
    frame = rows(spark, 0, 20).select("id", f.col("driver_id").cast("int"), "event_timestamp", f.col("rate").cast("float"))
    append(frame.where("id < 10"), "widened")
    for column, wider in (("driver_id", "BIGINT"), ("rate", "DOUBLE")):
        spark.sql(f"ALTER TABLE delta.`{TABLES / 'widened'}` ALTER COLUMN {column} TYPE {wider}")
    append(frame.where("id >= 10").withColumns({"driver_id": f.col("driver_id").cast("long"), "rate": f.col("rate").cast("double")}), "widened")
    expect(spark, "widened")


def checkpointed(spark, name, **properties):
    create(spark, name, BASIC, checkpointInterval="4", **properties)
    for first in range(0, 22, 2):
        append(rows(spark, first, first + 2).select(*basic), name)
    spark.sql(f"DELETE FROM delta.`{TABLES / name}` WHERE id IN (3, 4, 5)")
    expect(spark, name)
    expect(spark, name, 6)


def types(spark):
    create(spark, "types", "id BIGINT, a BYTE, b SHORT, c INT, d FLOAT, e BOOLEAN, f BINARY, g DATE, h TIMESTAMP, i TIMESTAMP_NTZ, j DECIMAL(38,10),"
           " k DECIMAL(5,2), l STRUCT<x: INT, y: ARRAY<STRING>>, m MAP<STRING, BIGINT>")
    at = datetime.datetime(1901, 2, 3, 4, 5, 6, 789012, tzinfo=datetime.timezone.utc)
    value = decimal.Decimal("-1234567890123456789012345678.0123456789")
    schema = spark.read.format("delta").load(str(TABLES / "types")).schema
    made = [
        (0, -128, -32768, -(2**31), 1.5, True, b"\x00\xff", datetime.date(1815, 12, 10), at, at.replace(tzinfo=None), value,
         decimal.Decimal("-999.99"), (1, ["a", None]), {"k": 1, "n": None}),
        (1, *[None] * 13),
        (2, 127, 32767, 2**31 - 1, float("nan"), False, b"", datetime.date(9999, 12, 31), at, at.replace(tzinfo=None), -value,
         decimal.Decimal("0.01"), (None, []), {}),
    ]
    append(spark.createDataFrame(made, schema), "types")
    expect(spark, "types")


def demanding(spark):
    """Tables that ask something of whoever writes to them."""
    create(spark, "checked", BASIC)
    spark.sql(f"ALTER TABLE delta.`{TABLES / 'checked'}` ADD CONSTRAINT positive CHECK (id >= 0)")
    create(spark, "required", "id BIGINT NOT NULL, driver_id BIGINT, event_timestamp TIMESTAMP, rate DOUBLE")
    for name, column, rule in (("generated", "day", "CAST(event_timestamp AS DATE)"), ("identity", "number", IdentityGenerator())):
        table = DeltaTable.create(spark).location(str(TABLES / name)).addColumns(rows(spark, 0, 0).select(*basic).schema)
        table.addColumn(column, "DATE" if name == "generated" else "BIGINT", generatedAlwaysAs=rule).execute()
    create(spark, "change_feed", BASIC, enableChangeDataFeed="true")
    create(spark, "append_only", BASIC, appendOnly="true")
    create(spark, "row_tracking", BASIC, enableRowTracking="true")
    create(spark, "clustered", BASIC, "CLUSTER BY (driver_id)")
    create(spark, "in_commit_time", BASIC, enableInCommitTimestamps="true")
    for name in ("checked", "required", "change_feed", "append_only", "row_tracking", "clustered", "in_commit_time"):
        append(rows(spark, 0, 4).select(*basic), name)
        expect(spark, name)


MAKERS = {
    "plain": plain,
    "partitioned": partitioned,
    "deleted": deleted,
    "mapped_name": lambda spark: mapped(spark, "name"),
    "mapped_id": lambda spark: mapped(spark, "id"),
    "evolved": evolved,
    "widened": widened,
    "checkpointed": lambda spark: checkpointed(spark, "checkpointed"),
    "checkpointed_v2": lambda spark: checkpointed(spark, "checkpointed_v2", checkpointPolicy="v2", enableDeletionVectors="true"),
    "types": types,
    "demanding": demanding,
}


def main():
    shutil.rmtree(TABLES, ignore_errors=True)
    shutil.rmtree(EXPECTED, ignore_errors=True)
    spark = session()
    for name in sys.argv[2:] or MAKERS:
        MAKERS[name](spark)
    spark.stop()
    # Hadoop's checksums of its local files belong to no format.
    for file in FOLDER.rglob(".*.crc"):
        file.unlink()


if __name__ == "__main__":
    main()
