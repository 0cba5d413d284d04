//! FeatureStore over the three store traits: plan, apply, historical features, materialization, online features, push.
//!
//! The engine names no provider and does no I/O of its own: everything goes through `dyn OfflineStore`, `dyn OnlineStore` and `dyn Registry`.

mod definitions;
mod encode;
mod historical;
mod history;
mod instants;
mod layer;
mod maintenance;
pub mod manifest;
mod materialize;
mod plan;
mod push;
mod queries;
pub mod replay;
mod resolve;
mod serving;
mod store;
mod table;
#[cfg(test)]
mod testing;

pub use definitions::{
    Declared, Definitions, FieldReference, KindReference, Origin, Problems, build, reference,
};
pub use historical::{
    Features, HistoricalQuery, Joins, KeyRows, Pinned, SourceChange, Spines, TableTarget, TrainingAudit,
    TrainingJob, TrainingSet,
};
pub use maintenance::{MaintainReport, PurgeRequest};
pub use materialize::{MaterializeReport, MaterializeRequest, MaterializedView, Window};
pub use plan::{
    Applied, ApplyOptions, FieldChange, InfraAction, InfraChange, ObjectAction, ObjectChange, Plan,
};
pub use push::{PushReport, PushTarget};
pub use queries::Query;
pub use serving::{AnswerCell, EntityValue, FeaturesRef, OnlineAnswer, OnlineQuery, ServedView, Status};
pub use store::FeatureStore;
