//! What a table asks of whoever adds files to it: each table feature is kept or refused by name.

use deltalake_core::kernel::{Metadata, Protocol, StructType};
use provender_core::{Error, Result};

/// The last version at which a protocol has no list of features; from then on each is named.
const LAST_LEGACY: i32 = 6;

/// Features that adding files keeps without doing anything for them.
///
/// Those that depend on the table's schema or settings are judged in [`check`] by what is there.
const KEPT: [&str; 16] = [
    "appendOnly",
    "invariants",
    "checkConstraints",
    "generatedColumns",
    "identityColumns",
    "changeDataFeed",
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "v2Checkpoint",
    "domainMetadata",
    "clustering",
    "typeWidening",
    "typeWidening-preview",
    "vacuumProtocolCheck",
    "checkpointProtection",
];

/// Features that ask nothing as long as the setting that turns them on is off.
const OFF_UNLESS: [(&str, &str); 4] = [
    ("inCommitTimestamp", "delta.enableInCommitTimestamps"),
    ("icebergCompatV1", "delta.enableIcebergCompatV1"),
    ("icebergCompatV2", "delta.enableIcebergCompatV2"),
    ("allowColumnDefaults", ""),
];

/// Field settings whose columns only an engine of SQL can fill or check.
const RULES: [(&str, &str); 3] = [
    ("delta.invariants", "invariants"),
    ("delta.generationExpression", "generatedColumns"),
    ("delta.identity.start", "identityColumns"),
];

/// Whether files may be added to a table.
///
/// # Errors
/// `Unsupported` naming the feature, and the column or setting that uses it.
pub(crate) fn check(protocol: &Protocol, metadata: &Metadata, schema: &StructType) -> Result<()> {
    let version = protocol.min_writer_version();
    if version > LAST_LEGACY + 1 {
        return Err(refused("a newer protocol")
            .with("expected", "writer version 7 at most")
            .with("value", version));
    }
    for feature in protocol.writer_features().unwrap_or_default() {
        let name = feature.as_ref();
        let off = |(known, setting): &(&str, &str)| *known == name && !is_on(metadata, setting);
        if !KEPT.contains(&name) && !OFF_UNLESS.iter().any(off) {
            return Err(refused(name));
        }
    }
    if let Some(constraint) =
        metadata.configuration().keys().find_map(|key| key.strip_prefix("delta.constraints."))
    {
        return Err(refused("checkConstraints").with("constraint", constraint));
    }
    for field in schema.fields() {
        if let Some((_, feature)) = RULES.iter().find(|(key, _)| field.metadata().contains_key(*key)) {
            return Err(refused(feature).with("column", field.name()));
        }
    }
    Ok(())
}

/// Whether a setting of the table is on.
pub(crate) fn is_on(metadata: &Metadata, setting: &str) -> bool {
    metadata.configuration().get(setting).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn refused(feature: &str) -> Error {
    Error::unsupported("rows cannot be written to a table with this feature").with("feature", feature)
}
