//! Which version of a table a source means: the newest, or one of the past.

use provender_core::model::DataSource;
use provender_core::{Error, Result, Timestamp};

/// Tag of a source that reads one version of its table: a number.
pub(crate) const VERSION_TAG: &str = "delta_version";
/// Tag of a source that reads its table as it was at an instant.
pub(crate) const TIMESTAMP_TAG: &str = "delta_timestamp";

/// A version of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    /// The newest.
    #[default]
    Newest,
    /// The one of a number.
    Version(u64),
    /// The newest that was committed by then.
    Time(Timestamp),
}

impl At {
    /// What the tags of a source say.
    ///
    /// # Errors
    /// `Invalid` for what is neither a version nor an instant, and for both at once.
    pub(crate) fn of(source: &DataSource) -> Result<Self> {
        let tag = |name: &str| source.tags.get(name).map(|text| text.trim());
        let invalid = |field: &'static str, value: &str, expected: &'static str| {
            Error::invalid("a tag of the data source is not understood")
                .with("source", &source.name)
                .with("field", field)
                .with("value", value)
                .with("expected", expected)
        };
        match (tag(VERSION_TAG), tag(TIMESTAMP_TAG)) {
            (None, None) => Ok(Self::Newest),
            (Some(version), None) => {
                let number = version.parse().map(Self::Version);
                number.map_err(|_| {
                    invalid("tags.delta_version", version, "the number of a version, such as 12")
                })
            }
            (None, Some(time)) => {
                let instant = Timestamp::parse(time).map(Self::Time);
                instant.map_err(|_| {
                    invalid("tags.delta_timestamp", time, "an instant, such as 2026-03-01T00:00:00Z")
                })
            }
            (Some(version), Some(_)) => Err(invalid(
                "tags.delta_version",
                version,
                "one of delta_version and delta_timestamp, not both",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::model::{FileFormat, SourceKind};

    fn at(tags: &[(&str, &str)]) -> Result<At> {
        let kind = SourceKind::File {
            path: "t".into(),
            format: FileFormat::Delta,
            s3_endpoint_override: String::new(),
        };
        let mut source = DataSource::new("s", kind);
        for (key, value) in tags {
            source.tags.insert((*key).to_owned(), (*value).to_owned());
        }
        At::of(&source)
    }

    #[test]
    fn tags_name_a_version_or_an_instant() {
        assert_eq!(at(&[]).unwrap(), At::Newest);
        assert_eq!(at(&[("delta_version", "12")]).unwrap(), At::Version(12));
        let instant = at(&[("delta_timestamp", "1970-01-01T00:00:01Z")]).unwrap();
        assert_eq!(instant, At::Time(Timestamp(1_000_000)));
        for tags in [
            &[("delta_version", "-1")][..],
            &[("delta_timestamp", "soon")],
            &[("delta_version", "1"), ("delta_timestamp", "2026-01-01")],
        ] {
            let error = at(tags).unwrap_err();
            assert!(
                error.get("expected").is_some() && error.get("field").unwrap().starts_with("tags.delta_")
            );
        }
    }
}
