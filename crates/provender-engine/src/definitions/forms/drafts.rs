//! Forms as drafts.

use super::objects::{
    EntityForm, FeatureServiceForm, FeatureViewForm, FieldForm, PermissionForm, ProjectForm,
    StreamFeatureViewForm,
};
use super::read::At;
use super::values::UseForm;
use crate::definitions::build::{self, Draft};
use crate::definitions::yaml::Node;
use provender_core::model::{self, VectorIndex, ViewKind};
use provender_core::{Error, ValueType};

impl From<ProjectForm> for Draft {
    fn from(form: ProjectForm) -> Self {
        let ProjectForm { name, description, tags, owner } = form;
        build::Project { model: model::Project { name, description, tags, owner, ..Default::default() } }
            .into()
    }
}

impl EntityForm {
    /// As a draft; Feast's list of join keys must hold exactly one.
    pub(crate) fn draft(self, node: &Node, at: &mut At<'_>) -> Option<Draft> {
        let Self { name, join_keys, join_key, value_type, description, tags, owner } = self;
        let join_key = match (join_key, <[String; 1]>::try_from(join_keys)) {
            (None, Ok([key])) => key,
            (Some(key), Err(keys)) if keys.is_empty() => key,
            (None, Err(keys)) if keys.is_empty() => name.clone(),
            _ => {
                let problem = Error::invalid("an entity has exactly one join key")
                    .with("expected", "one column; a composite key is made by several entities of a view");
                at.report(node.line, &problem);
                return None;
            }
        };
        let value_type = value_type.map_or(ValueType::UNKNOWN, |t| t.0);
        let model =
            model::Entity { name, join_key, value_type, description, tags, owner, ..Default::default() };
        Some(build::Entity { model }.into())
    }
}

impl FeatureViewForm {
    fn draft(self, kind: ViewKind) -> Draft {
        let model = model::FeatureView {
            kind,
            name: self.name,
            entities: self.entities,
            features: self.schema.into_iter().map(model::Field::from).collect(),
            ttl: self.ttl.map(|ttl| ttl.0),
            online: self.online,
            offline: self.offline,
            enabled: self.enabled,
            description: self.description,
            tags: self.tags,
            owner: self.owner,
            ..Default::default()
        };
        build::FeatureView { model, source: Some(self.source) }.into()
    }
}

impl From<FeatureViewForm> for Draft {
    fn from(form: FeatureViewForm) -> Self {
        form.draft(ViewKind::Batch)
    }
}

impl From<StreamFeatureViewForm> for Draft {
    fn from(form: StreamFeatureViewForm) -> Self {
        let StreamFeatureViewForm {
            name,
            entities,
            ttl,
            schema,
            source,
            online,
            enabled,
            description,
            tags,
            owner,
        } = form;
        let offline = false;
        FeatureViewForm {
            name,
            entities,
            ttl,
            schema,
            source,
            online,
            offline,
            enabled,
            description,
            tags,
            owner,
        }
        .draft(ViewKind::Stream)
    }
}

impl From<FieldForm> for model::Field {
    fn from(form: FieldForm) -> Self {
        let mut tags = form.tags;
        tags.extend(form.dtype.tags);
        let index = VectorIndex { length: form.vector_length, metric: form.vector_search_metric };
        Self {
            name: form.name,
            value_type: form.dtype.value_type,
            description: form.description,
            tags,
            vector: form.vector_index.then_some(index),
        }
    }
}

impl From<FeatureServiceForm> for Draft {
    fn from(form: FeatureServiceForm) -> Self {
        let unknown = |name: String| model::Field::new(name, ValueType::UNKNOWN);
        let projection = |UseForm(part): UseForm| model::Projection {
            view: part.view,
            alias: part.name_alias,
            join_key_map: part.join_key_map,
            features: part.features.into_iter().map(unknown).collect(),
        };
        let model = model::FeatureService {
            name: form.name,
            projections: form.features.into_iter().map(projection).collect(),
            description: form.description,
            tags: form.tags,
            owner: form.owner,
            ..Default::default()
        };
        build::FeatureService { model }.into()
    }
}

impl From<PermissionForm> for Draft {
    fn from(form: PermissionForm) -> Self {
        let model = model::Permission {
            name: form.name,
            types: form.types.0,
            name_patterns: form.name_patterns.0,
            required_tags: form.required_tags,
            actions: form.actions.0,
            roles: form.policy.roles,
            tags: form.tags,
            ..Default::default()
        };
        build::Permission { model }.into()
    }
}
