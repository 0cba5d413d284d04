//! What is asked of the serving path.

use crate::Features;
use provender_core::RequestContext;
use std::borrow::Cow;

/// A request for online features.
#[derive(Clone, Debug)]
pub struct OnlineQuery<'a> {
    /// The features.
    pub features: FeaturesRef<'a>,
    /// Join key (or its alias) -> one value a row. All columns that are used have one length; unknown ones are ignored.
    pub entities: Vec<(Cow<'a, str>, Vec<EntityValue<'a>>)>,
    /// Name columns `view__feature`.
    pub full_feature_names: bool,
    /// Deadline, caller.
    pub context: RequestContext,
}

/// [`Features`] whose names may lie in a request's body, so that asking for the same again copies none of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FeaturesRef<'a> {
    /// References, `view:feature`.
    List(Vec<Cow<'a, str>>),
    /// A feature service, by name.
    Service(Cow<'a, str>),
}

impl FeaturesRef<'_> {
    /// The same with names of its own.
    #[must_use]
    pub fn to_features(&self) -> Features {
        match self {
            Self::List(references) => {
                Features::List(references.iter().map(|name| name.clone().into_owned()).collect())
            }
            Self::Service(name) => Features::Service(name.clone().into_owned()),
        }
    }
}

impl From<Features> for FeaturesRef<'_> {
    fn from(features: Features) -> Self {
        match features {
            Features::List(references) => Self::List(references.into_iter().map(Cow::Owned).collect()),
            Features::Service(name) => Self::Service(Cow::Owned(name)),
        }
    }
}

/// A join key value as a client sends it; the declared type of the join key decides what it becomes.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum EntityValue<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}
