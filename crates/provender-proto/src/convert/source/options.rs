//! What a source is and where: its type, its options message, its class.

use crate::convert::{field, time};
use crate::feast::core::data_source::{KafkaOptions, KinesisOptions, Options, SourceType};
use crate::feast::core::file_format::{Format, ParquetFormat};
use crate::feast::core::stream_format::{AvroFormat, Format as Stream, JsonFormat, ProtoFormat};
use crate::feast::core::table_format::DeltaFormat;
use crate::feast::core::{DataSource as Wire, FileFormat as WireFormat, StreamFormat};
use crate::wire;
use prost::Message;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{Error, Result};

/// The options of a kind out of a message, or fresh ones.
macro_rules! take {
    ($message:expr, $variant:ident) => {
        match $message.options.take() {
            Some(Options::$variant(options)) => options,
            _ => Default::default(),
        }
    };
}

pub(super) fn decode(message: &Wire, batch: Option<Box<DataSource>>) -> SourceKind {
    let source_type = SourceType::try_from(message.r#type).unwrap_or(SourceType::Invalid);
    match (source_type, message.options.clone()) {
        (SourceType::BatchFile, Some(Options::FileOptions(o))) => SourceKind::File {
            format: file_format(o.file_format.as_ref(), super::says_csv(message)),
            path: o.uri,
            s3_endpoint_override: o.s3_endpoint_override,
        },
        (SourceType::BatchBigquery, Some(Options::BigqueryOptions(o))) => {
            SourceKind::BigQuery { table: o.table, query: o.query }
        }
        (SourceType::BatchSnowflake, Some(Options::SnowflakeOptions(o))) => {
            SourceKind::Snowflake { table: o.table, query: o.query, schema: o.schema, database: o.database }
        }
        (SourceType::RequestSource, Some(Options::RequestDataOptions(o))) => {
            SourceKind::Request { schema: field::decode_all(o.schema) }
        }
        (SourceType::PushSource, _) => SourceKind::Push { batch },
        (SourceType::StreamKafka, Some(Options::KafkaOptions(o))) => SourceKind::Kafka {
            message_format: stream_format(o.message_format.as_ref()),
            watermark_delay: o.watermark_delay_threshold.as_ref().map(time::decode_duration),
            bootstrap_servers: o.kafka_bootstrap_servers,
            topic: o.topic,
            batch,
        },
        (SourceType::StreamKinesis, Some(Options::KinesisOptions(o))) => SourceKind::Kinesis {
            message_format: stream_format(o.record_format.as_ref()),
            region: o.region,
            stream: o.stream_name,
            batch,
        },
        (_, options) => SourceKind::Other {
            source_type: message.r#type,
            class: match message.data_source_class_type.as_str() {
                "" => class(message.r#type).to_owned(),
                class => class.to_owned(),
            },
            options: raw(options),
        },
    }
}

/// The number of a kind in `feast.core.DataSource.SourceType`.
pub(super) fn source_type(kind: &SourceKind) -> i32 {
    let known = match kind {
        SourceKind::File { .. } => SourceType::BatchFile,
        SourceKind::BigQuery { .. } => SourceType::BatchBigquery,
        SourceKind::Snowflake { .. } => SourceType::BatchSnowflake,
        SourceKind::Push { .. } => SourceType::PushSource,
        SourceKind::Request { .. } => SourceType::RequestSource,
        SourceKind::Kafka { .. } => SourceType::StreamKafka,
        SourceKind::Kinesis { .. } => SourceType::StreamKinesis,
        SourceKind::Other { source_type, .. } => return *source_type,
    };
    known as i32
}

/// The Python class that Feast reads such a source with; empty if the type alone does not say.
pub(super) fn class(source_type: i32) -> &'static str {
    match SourceType::try_from(source_type).unwrap_or(SourceType::Invalid) {
        SourceType::BatchFile => "feast.infra.offline_stores.file_source.FileSource",
        SourceType::BatchBigquery => "feast.infra.offline_stores.bigquery_source.BigQuerySource",
        SourceType::BatchRedshift => "feast.infra.offline_stores.redshift_source.RedshiftSource",
        SourceType::BatchSnowflake => "feast.infra.offline_stores.snowflake_source.SnowflakeSource",
        SourceType::BatchTrino => {
            "feast.infra.offline_stores.contrib.trino_offline_store.trino_source.TrinoSource"
        }
        SourceType::BatchSpark => {
            "feast.infra.offline_stores.contrib.spark_offline_store.spark_source.SparkSource"
        }
        SourceType::BatchAthena => {
            "feast.infra.offline_stores.contrib.athena_offline_store.athena_source.AthenaSource"
        }
        SourceType::BatchIceberg => {
            "feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source.IcebergSource"
        }
        SourceType::StreamKafka => "feast.data_source.KafkaSource",
        SourceType::StreamKinesis => "feast.data_source.KinesisSource",
        SourceType::RequestSource => "feast.data_source.RequestSource",
        SourceType::PushSource => "feast.data_source.PushSource",
        SourceType::CustomSource | SourceType::Invalid => "",
    }
}

/// # Errors
/// `Invalid` for options that no message of Feast holds.
pub(super) fn edit(message: &mut Wire, kind: &SourceKind) -> Result<()> {
    let options = match kind {
        SourceKind::File { path, format, s3_endpoint_override } => {
            let mut o = take!(message, FileOptions);
            if file_format(o.file_format.as_ref(), *format == FileFormat::Csv) != *format {
                o.file_format = wire_format(*format);
            }
            o.uri.clone_from(path);
            o.s3_endpoint_override.clone_from(s3_endpoint_override);
            Options::FileOptions(o)
        }
        SourceKind::BigQuery { table, query } => {
            let mut o = take!(message, BigqueryOptions);
            (o.table, o.query) = (table.clone(), query.clone());
            Options::BigqueryOptions(o)
        }
        SourceKind::Snowflake { table, query, schema, database } => {
            let mut o = take!(message, SnowflakeOptions);
            (o.table, o.query) = (table.clone(), query.clone());
            (o.schema, o.database) = (schema.clone(), database.clone());
            Options::SnowflakeOptions(o)
        }
        SourceKind::Request { schema } => {
            let mut o = take!(message, RequestDataOptions);
            field::edit_all(&mut o.schema, schema);
            Options::RequestDataOptions(o)
        }
        SourceKind::Kafka { .. } => Options::KafkaOptions(kafka(take!(message, KafkaOptions), kind)?),
        SourceKind::Kinesis { .. } => Options::KinesisOptions(kinesis(take!(message, KinesisOptions), kind)?),
        SourceKind::Push { .. } => return Ok(()),
        SourceKind::Other { options, .. } => {
            if raw(message.options.clone()) != *options {
                message.options = options.as_ref().map(from_raw).transpose()?;
            }
            return Ok(());
        }
    };
    message.options = Some(options);
    Ok(())
}

fn kafka(mut options: KafkaOptions, kind: &SourceKind) -> Result<KafkaOptions> {
    if let SourceKind::Kafka { bootstrap_servers, topic, message_format, watermark_delay, .. } = kind {
        options.kafka_bootstrap_servers.clone_from(bootstrap_servers);
        options.topic.clone_from(topic);
        time::edit_duration(&mut options.watermark_delay_threshold, *watermark_delay);
        edit_stream_format(&mut options.message_format, message_format.as_ref())?;
    }
    Ok(options)
}

fn kinesis(mut options: KinesisOptions, kind: &SourceKind) -> Result<KinesisOptions> {
    if let SourceKind::Kinesis { region, stream, message_format, .. } = kind {
        options.region.clone_from(region);
        options.stream_name.clone_from(stream);
        edit_stream_format(&mut options.record_format, message_format.as_ref())?;
    }
    Ok(options)
}

fn file_format(wire: Option<&WireFormat>, csv: bool) -> FileFormat {
    match wire.and_then(|f| f.format.as_ref()) {
        Some(Format::ParquetFormat(_)) => FileFormat::Parquet,
        Some(Format::DeltaFormat(_)) => FileFormat::Delta,
        None if csv => FileFormat::Csv,
        None => FileFormat::Unset,
    }
}

fn wire_format(format: FileFormat) -> Option<WireFormat> {
    let format = match format {
        FileFormat::Parquet => Format::ParquetFormat(ParquetFormat {}),
        FileFormat::Delta => Format::DeltaFormat(DeltaFormat::default()),
        FileFormat::Unset | FileFormat::Csv => return None,
    };
    Some(WireFormat { format: Some(format) })
}

fn stream_format(wire: Option<&StreamFormat>) -> Option<(String, String)> {
    let (class, schema) = match wire?.format.as_ref()? {
        Stream::AvroFormat(f) => ("avro", &f.schema_json),
        Stream::ProtoFormat(f) => ("proto", &f.class_path),
        Stream::JsonFormat(f) => ("json", &f.schema_json),
    };
    Some((class.to_owned(), schema.clone()))
}

fn edit_stream_format(wire: &mut Option<StreamFormat>, format: Option<&(String, String)>) -> Result<()> {
    if stream_format(wire.as_ref()).as_ref() == format {
        return Ok(());
    }
    let format = format.map(|(class, schema)| match class.as_str() {
        "avro" => Ok(Stream::AvroFormat(AvroFormat { schema_json: schema.clone() })),
        "proto" => Ok(Stream::ProtoFormat(ProtoFormat { class_path: schema.clone() })),
        "json" => Ok(Stream::JsonFormat(JsonFormat { schema_json: schema.clone() })),
        other => Err(Error::invalid("unknown message format")
            .with("type", other)
            .with("expected", "avro, json or proto")),
    });
    *wire = format.transpose()?.map(|format| StreamFormat { format: Some(format) });
    Ok(())
}

/// An options message with its field number.
fn raw(options: Option<Options>) -> Option<(u32, Vec<u8>)> {
    let bytes = Wire { options, ..Wire::default() }.encode_to_vec();
    let field = wire::fields(&bytes).next()?.ok()?;
    Some((field.number, field.value.to_vec()))
}

fn from_raw((number, value): &(u32, Vec<u8>)) -> Result<Options> {
    let unknown = || {
        Error::invalid("not an options message of a data source")
            .with("field", number)
            .with("expected", "a field of the oneof feast.core.DataSource.options")
    };
    let mut bytes = Vec::new();
    wire::put(*number, value, &mut bytes);
    Wire::decode(&bytes[..]).map_err(|e| unknown().because(e))?.options.ok_or_else(unknown)
}
