//! Objects as flat lists of fields and texts: what a plan compares and shows.
//!
//! Times, materialized intervals, state and version are not in them: an object that differs in nothing else is unchanged. What is empty is left out.

use crate::definitions::ttl;
use provender_core::ValueType;
use provender_core::model::{
    DUMMY_ENTITY, DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, Object, Permission,
    Project, SourceKind, Tags,
};

/// Field paths such as `schema.conv_rate.dtype`, with values as text, in the order in which people expect them.
pub(crate) type Flat = Vec<(String, String)>;

/// Ends the path of a field that holds the order of other fields.
pub(super) const ORDER: &str = ".order";

/// The fields of an object; none for objects that the repository cannot declare.
pub(crate) fn flatten(object: &Object) -> Flat {
    let mut out = Out::default();
    match object {
        Object::Project(o) => project(&mut out, o),
        Object::DataSource(o) => source(&mut out, o),
        Object::Entity(o) => entity(&mut out, o),
        Object::FeatureView(o) => view(&mut out, o),
        Object::FeatureService(o) => service(&mut out, o),
        Object::Permission(o) => permission(&mut out, o),
        Object::OnDemandFeatureView(_) | Object::Other(_) => {}
    }
    out.flat
}

#[derive(Default)]
struct Out {
    prefix: String,
    flat: Flat,
}

impl Out {
    fn put(&mut self, field: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.flat.push((format!("{}{field}", self.prefix), value));
        }
    }

    fn flag(&mut self, field: &str, value: bool) {
        self.put(field, value.to_string());
    }

    fn tags(&mut self, field: &str, tags: &Tags) {
        for (key, value) in tags {
            self.flat.push((format!("{}{field}.{key}", self.prefix), value.clone()));
        }
    }

    fn below(&mut self, field: &str, put: impl FnOnce(&mut Self)) {
        let length = self.prefix.len();
        self.prefix.push_str(field);
        self.prefix.push('.');
        put(self);
        self.prefix.truncate(length);
    }

    fn about(&mut self, description: &str, tags: &Tags, owner: &str) {
        self.put("description", description);
        self.tags("tags", tags);
        self.put("owner", owner);
    }

    fn fields(&mut self, field: &str, fields: &[Field]) {
        self.below(field, |out| {
            for f in fields {
                out.below(&f.name, |out| {
                    out.put("dtype", f.value_type.to_string());
                    out.put("description", &f.description);
                    out.tags("tags", &f.tags);
                    if let Some(vector) = &f.vector {
                        out.put("vector_index", format!("{} {}", vector.length, vector.metric));
                    }
                });
            }
        });
        self.put(&format!("{field}{ORDER}"), names(fields));
    }
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn project(out: &mut Out, project: &Project) {
    out.about(&project.description, &project.tags, &project.owner);
}

fn entity(out: &mut Out, entity: &Entity) {
    out.put("join_keys", &entity.join_key);
    if entity.value_type != ValueType::UNKNOWN {
        out.put("value_type", entity.value_type.to_string());
    }
    out.about(&entity.description, &entity.tags, &entity.owner);
}

fn view(out: &mut Out, view: &FeatureView) {
    // A view without entities is written with Feast's dummy entity, and read back with it.
    if !view.is_entityless() {
        let entities: Vec<_> =
            view.entities.iter().map(String::as_str).filter(|e| *e != DUMMY_ENTITY).collect();
        out.put("entities", entities.join(", "));
        out.fields("join_keys", &view.entity_columns);
    }
    if let Some(ttl) = view.ttl {
        out.put("ttl", ttl::show(ttl));
    }
    out.fields("schema", &view.features);
    out.below("source", |out| match (&view.stream_source, &view.batch_source) {
        (Some(stream), batch) => {
            named_source(out, stream);
            // The batch source is part of the stream source, unless something else wrote them apart.
            let alone = |source: &DataSource| {
                let mut out = Out::default();
                named_source(&mut out, source);
                out.flat
            };
            if stream.batch().map(alone) != batch.as_ref().map(alone)
                && let Some(batch) = batch
            {
                out.below("batch", |out| named_source(out, batch));
            }
        }
        (None, Some(batch)) => named_source(out, batch),
        (None, None) => {}
    });
    out.flag("online", view.online);
    out.flag("offline", view.offline);
    out.flag("enabled", view.enabled);
    out.about(&view.description, &view.tags, &view.owner);
}

fn named_source(out: &mut Out, data_source: &DataSource) {
    out.put("name", &data_source.name);
    source(out, data_source);
}

fn source(out: &mut Out, source: &DataSource) {
    out.put("kind", source.kind.class());
    match &source.kind {
        SourceKind::File { path, format, s3_endpoint_override } => {
            out.put("path", path);
            out.put("file_format", format_name(*format));
            out.put("s3_endpoint_override", s3_endpoint_override);
        }
        SourceKind::BigQuery { table, query } => {
            out.put("table", table);
            out.put("query", query);
        }
        SourceKind::Snowflake { table, query, schema, database } => {
            out.put("database", database);
            out.put("schema", schema);
            out.put("table", table);
            out.put("query", query);
        }
        SourceKind::Request { schema } => out.fields("schema", schema),
        SourceKind::Push { batch } => behind(out, batch.as_deref()),
        SourceKind::Kafka { bootstrap_servers, topic, message_format, watermark_delay, batch } => {
            out.put("kafka_bootstrap_servers", bootstrap_servers);
            out.put("topic", topic);
            stream_format(out, "message_format", message_format.as_ref());
            out.put("watermark_delay_threshold", watermark_delay.map(ttl::show).unwrap_or_default());
            behind(out, batch.as_deref());
        }
        SourceKind::Kinesis { region, stream, message_format, batch } => {
            out.put("region", region);
            out.put("stream_name", stream);
            stream_format(out, "record_format", message_format.as_ref());
            behind(out, batch.as_deref());
        }
        SourceKind::Other { source_type, class, options } => {
            out.put("class", class);
            out.put("source_type", source_type.to_string());
            out.put("options", format!("{options:?}"));
        }
    }
    out.put("timestamp_field", &source.timestamp_field);
    out.put("created_timestamp_column", &source.created_timestamp_column);
    out.put("date_partition_column", &source.date_partition_column);
    out.tags("field_mapping", &source.field_mapping);
    out.about(&source.description, &source.tags, &source.owner);
}

fn behind(out: &mut Out, batch: Option<&DataSource>) {
    if let Some(batch) = batch {
        out.below("batch_source", |out| named_source(out, batch));
    }
}

fn stream_format(out: &mut Out, field: &str, format: Option<&(String, String)>) {
    if let Some((class, schema)) = format {
        out.put(&format!("{field}.{class}"), format!("{schema:?}"));
    }
}

fn format_name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Unset => "",
        FileFormat::Parquet => "parquet",
        FileFormat::Csv => "csv",
        FileFormat::Delta => "delta",
    }
}

fn service(out: &mut Out, service: &FeatureService) {
    for (index, projection) in service.projections.iter().enumerate() {
        // A view may be used several times, with or without aliases.
        let name = projection.name_to_use();
        let again = service.projections[..index].iter().filter(|p| p.name_to_use() == name).count();
        let nth = if again == 0 { String::new() } else { format!("#{}", again + 1) };
        out.below(&format!("features.{name}{nth}"), |out| {
            out.put("view", &projection.view);
            out.put("name_alias", projection.alias.as_deref().unwrap_or_default());
            out.tags("join_key_map", &projection.join_key_map);
            out.fields("features", &projection.features);
        });
    }
    let order: Vec<_> = service.projections.iter().map(|p| p.name_to_use()).collect();
    out.put(&format!("features{ORDER}"), order.join(", "));
    out.about(&service.description, &service.tags, &service.owner);
}

fn permission(out: &mut Out, permission: &Permission) {
    out.put("types", permission.types.join(", "));
    out.put("name_patterns", permission.name_patterns.join(", "));
    out.tags("required_tags", &permission.required_tags);
    out.put("actions", permission.actions.join(", "));
    out.put("roles", permission.roles.join(", "));
    out.tags("tags", &permission.tags);
}
