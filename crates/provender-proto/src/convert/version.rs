//! Views have versions: a number that grows with every change of schema.

use super::{on_demand, view};
use crate::feast::core::{FeatureView, OnDemandFeatureView, StreamFeatureView};
use prost::Message;

/// The message of a view kind.
pub(crate) trait Versioned: Message + Clone + Default {
    /// `feature_view_type` of its records in the version history.
    const KIND: &'static str;

    /// Whether the step to `new` makes a new version.
    fn schema_changed(self, new: &Self) -> bool;

    /// Marks it as the newest version, of this number.
    fn set_version(&mut self, number: i32);
}

macro_rules! versioned {
    ($message:ty, $kind:literal, $changed:path) => {
        impl Versioned for $message {
            const KIND: &'static str = $kind;

            fn schema_changed(self, new: &Self) -> bool {
                $changed(self.spec.unwrap_or_default(), new.spec.clone().unwrap_or_default())
            }

            fn set_version(&mut self, number: i32) {
                self.meta.get_or_insert_default().current_version_number = number;
                view::LATEST.clone_into(&mut self.spec.get_or_insert_default().version);
            }
        }
    };
}

versioned!(FeatureView, "feature_view", view::schema_changed);
versioned!(StreamFeatureView, "stream_feature_view", view::schema_changed);
versioned!(OnDemandFeatureView, "on_demand_feature_view", on_demand::schema_changed);
