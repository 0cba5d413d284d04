//! The forms of projects, entities, views, services and permissions.

use super::form::form;
use super::read::{At, FromNode};
use super::reference::{FieldReference, KindReference};
use super::values::{OneOrMore, Ttl, TypeName, UseForm};
use crate::definitions::build::SourceRef;
use crate::definitions::yaml::Node;
use provender_core::Dtype;
use provender_core::model::Tags;
use std::collections::BTreeMap;

form! {
    /// The project of the repository. Needed only for its description, tags and owner.
    ProjectForm as "Project" {
        /// The name that `feature_store.yaml` gives.
        name: String;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// A thing that features describe, known by one join key.
    EntityForm as "Entity" {
        /// Unique in the project.
        name: String;
        /// The column that identifies it: a list of exactly one; left out, its name.
        join_keys: Vec<String> = Vec::new();
        /// The same as one text.
        join_key: Option<String> = None;
        /// Type of the join key: String, Int32, Int64, Bytes or UnixTimestamp; inferred from the sources when left out.
        value_type: Option<TypeName> = None;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// A named group of features of one source, keyed by entities.
    FeatureViewForm as "FeatureView" {
        /// Unique among all views of the project, without regard to case; without `:` and `@`.
        name: String;
        /// Names of its entities; none for features that are known by time alone.
        entities: Vec<String> = Vec::new();
        /// How long a row is valid; 0 means for ever.
        ttl: Option<Ttl> = Some(Ttl(0));
        /// Its features, and if wanted the types of its join keys; inferred from the source when left out.
        schema: Vec<FieldForm> = Vec::new();
        /// Where its rows come from: the name of a data source, or the source itself.
        source: SourceRef;
        /// Whether it is served online.
        online: bool = true;
        /// Whether pushed rows may also go to the offline store, and materialized ones are appended to it.
        offline: bool = false;
        /// Whether reads and materialization are allowed.
        enabled: bool = true;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// A feature view over a stream or push source, listed apart by Feast.
    StreamFeatureViewForm as "StreamFeatureView" {
        /// Unique among all views of the project, without regard to case; without `:` and `@`.
        name: String;
        /// Names of its entities; none for features that are known by time alone.
        entities: Vec<String> = Vec::new();
        /// How long a row is valid; 0 means for ever.
        ttl: Option<Ttl> = Some(Ttl(0));
        /// Its features, and if wanted the types of its join keys; inferred from the batch source when left out.
        schema: Vec<FieldForm> = Vec::new();
        /// Where its rows come from: the name of a stream or push source that has a batch source, or the source itself.
        source: SourceRef;
        /// Whether it is served online.
        online: bool = true;
        /// Whether reads and materialization are allowed.
        enabled: bool = true;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// The features that one model reads.
    FeatureServiceForm as "FeatureService" {
        /// Unique in the project.
        name: String;
        /// What it reads, in order: names of views, or parts of views.
        features: Vec<UseForm>;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// Who may do what to which objects: kept and listed, not enforced yet.
    PermissionForm as "Permission" {
        /// Unique in the project.
        name: String;
        /// Kinds of object, by Feast's class names; all when left out.
        types: OneOrMore = OneOrMore(Vec::new());
        /// Regular expressions on the names of objects.
        name_patterns: OneOrMore = OneOrMore(Vec::new());
        /// Tags that an object must carry.
        required_tags: Tags = Tags::new();
        /// CREATE, DESCRIBE, UPDATE, DELETE, READ_ONLINE, READ_OFFLINE, WRITE_ONLINE, WRITE_OFFLINE, or READ, WRITE, CRUD, ALL_ACTIONS.
        actions: OneOrMore = OneOrMore(vec!["ALL_ACTIONS".to_owned()]);
        /// Who.
        policy: PolicyForm;
        /// Free labels.
        tags: Tags = Tags::new();
    }
}

form! {
    /// A feature, or the type of a join key.
    FieldForm as "Field" {
        /// Unique in its view; the column of the source after field mapping.
        name: String;
        /// Int32, Int64, Float32, Float64, String, Bytes, Bool, UnixTimestamp, Uuid, Decimal, Json, Map, Array(T), Set(T), "Struct({a: T})".
        dtype: Dtype;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whether it is indexed for vector search.
        vector_index: bool = false;
        /// Number of items of the vector.
        vector_length: i32 = 0;
        /// Distance, such as COSINE.
        vector_search_metric: String = String::new();
    }
}

form! {
    /// Some features of a view, possibly under another name and with other join keys. A view's name alone means all of its features.
    UsePartForm as "ViewFeatures" {
        /// Name of the view.
        view: String;
        /// Names of its features; all when left out.
        features: Vec<String> = Vec::new();
        /// The name that the view goes by here.
        name_alias: Option<String> = None;
        /// Join key of the view -> column of the entity rows.
        join_key_map: BTreeMap<String, String> = BTreeMap::new();
    }
}

form! {
    /// Who has a permission: everybody with one of these roles.
    PolicyForm as "RoleBasedPolicy" {
        /// Names of roles.
        roles: Vec<String>;
    }
}
