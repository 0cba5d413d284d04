//! What an apply changes, and what it leaves alone.

use super::repo::{Repo, SOURCES, parse, shop, show};
use crate::{ApplyOptions, ObjectAction};
use async_trait::async_trait;
use expect_test::expect;
use provender_core::memory::MemoryRegistry;
use provender_core::model::{
    DataSource, Entity, FeatureView, Field, MaterializationInterval, Object, ObjectKind, OnDemandFeatureView,
    OnDemandSource, OtherObject, Projection, SourceKind,
};
use provender_core::registry::{Change, ObjectCodec, RegistrySnapshot, Stored, Version};
use provender_core::{Error, Kind, Registry, Result, Timestamp, ValueType};
use std::sync::Arc;

fn keep() -> ApplyOptions {
    ApplyOptions { delete: false, ..ApplyOptions::default() }
}

fn put(object: Object) -> Change {
    Change::Put { project: "shop".into(), object }
}

#[tokio::test]
async fn a_first_apply_creates_everything_and_a_second_nothing() {
    let repo = Repo::new();
    let plan = repo.apply(&shop()).await;
    expect![[r#"
        Create Project shop
        Create DataSource hourly
        Create Entity driver
        Create FeatureView stats
        Create memory of shop stats
    "#]]
    .assert_eq(&show(&plan));
    let again = repo.plan(&shop()).await;
    assert!(again.is_empty(), "{}", show(&again));
    let (before, _) = repo.store.snapshot().await.unwrap();
    repo.apply(&shop()).await;
    assert_eq!(repo.store.snapshot().await.unwrap().0, before, "nothing to change is nothing to commit");
}

#[tokio::test]
async fn views_are_filled_in_as_feast_fills_them() {
    let repo = Repo::new();
    let push = "---\nkind: PushSource\nname: inlet\nbatch_source: {kind: FileSource, name: kept, path: hourly, created_timestamp_column: created}\n";
    let views = "---\nkind: FeatureView\nname: pushed\nentities: [driver]\nschema: [{name: driver_id, dtype: Int64, description: who}, {name: trips, dtype: Int32}]\nsource: inlet\n---\nkind: FeatureView\nname: everywhere\nsource: {kind: FileSource, path: daily}\n";
    let service = "---\nkind: FeatureService\nname: model\nfeatures: [pushed, {view: pushed, features: [trips], name_alias: p}]\n";
    repo.apply(&format!("{SOURCES}{push}{views}{service}")).await;
    let snapshot = repo.snapshot().await;
    let view = snapshot.feature_view("shop", "pushed").unwrap();
    let key = Field { description: "who".into(), ..Field::new("driver_id", ValueType::INT64) };
    assert_eq!(view.entity_columns, [key]);
    assert_eq!(view.features, [Field::new("trips", ValueType::INT32)]);
    assert_eq!((view.ttl, view.online, view.offline, view.enabled), (Some(0), true, false, true));
    let batch = view.batch_source.as_ref().unwrap();
    assert_eq!((batch.name.as_str(), batch.timestamp_field.as_str()), ("kept", "event_timestamp"));
    assert_eq!(view.stream_source.as_ref().unwrap().batch(), Some(batch));
    let everywhere = snapshot.feature_view("shop", "everywhere").unwrap();
    assert!(everywhere.is_entityless() && everywhere.entity_columns.is_empty());
    assert_eq!(everywhere.features.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["city", "rating"]);
    let model = snapshot.feature_service("shop", "model").unwrap();
    assert_eq!(model.projections[0].features, view.features);
    assert_eq!(model.projections[1].features[0].value_type, ValueType::INT32);
    assert_eq!(snapshot.entity("shop", "driver").unwrap().value_type, ValueType::INT64);
    expect![[r#"
        DataSource daily
        DataSource hourly
        DataSource inlet
        DataSource kept
        Entity __dummy
        Entity driver
        FeatureView everywhere
        FeatureView pushed
        FeatureService model
        Project shop"#]]
    .assert_eq(&sorted(repo.objects().await));
}

fn sorted(mut objects: Vec<String>) -> String {
    objects.sort_by_key(|o| o.starts_with("Project"));
    objects.join("\n")
}

#[tokio::test]
async fn a_full_sync_deletes_what_is_no_longer_declared() {
    let repo = Repo::new();
    repo.apply(&format!("{}---\nkind: FeatureService\nname: model\nfeatures: [stats]\n", shop())).await;
    expect![[r#""#]].assert_eq(&show(&repo.store.plan(&parse(SOURCES), &keep()).await.unwrap()));
    expect![[r#"
        Delete FeatureService model
        Delete FeatureView stats
        Drop memory of shop stats (destructive)
    "#]]
    .assert_eq(&show(&repo.apply(SOURCES).await));
    expect![[r#"
        Delete DataSource hourly
    "#]]
    .assert_eq(&show(&repo.apply("kind: Entity\nname: driver\njoin_key: driver_id\n").await));
    expect![[r#"
        Project shop
        Entity __dummy
        Entity driver"#]]
    .assert_eq(&repo.objects().await.join("\n"));
}

#[tokio::test]
async fn a_folder_without_definitions_does_not_empty_the_project() {
    let repo = Repo::new();
    assert_eq!(show(&repo.apply("# nothing\n").await), "Create Project shop\n");
    repo.apply(&shop()).await;
    expect![[r#"
        the repository declares nothing, and the apply would delete all 3 objects of the project (expected: definitions in .yaml files; teardown if everything is to be deleted)
    "#]].assert_eq(&repo.problems("# nothing\n").await);
    assert!(repo.apply_with("# nothing\n", &keep()).await.unwrap().is_empty());
}

/// Decodes nothing.
#[derive(Debug)]
struct Broken;

impl ObjectCodec for Broken {
    fn decode(&self, _: ObjectKind, _: &[u8]) -> Result<Object> {
        Err(Error::internal("damaged"))
    }

    fn to_json(&self, _: ObjectKind, _: &[u8]) -> Result<serde_json::Value> {
        Err(Error::internal("damaged"))
    }
}

/// The registry in memory, with some objects whose bytes are damaged.
#[derive(Debug)]
struct Damaged {
    inner: Arc<MemoryRegistry>,
    names: &'static [&'static str],
}

#[async_trait]
impl Registry for Damaged {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        let (version, snapshot) = self.inner.snapshot().await?;
        let objects = snapshot.objects("shop").map(|stored| {
            if !self.names.contains(&&*stored.name) {
                return Arc::clone(stored);
            }
            let (project, name) = (stored.project.clone(), stored.name.clone());
            Arc::new(Stored::lazy(stored.kind, project, name, b"?".as_slice().into(), Arc::new(Broken)))
        });
        Ok((version, Arc::new(RegistrySnapshot::new(objects, None))))
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        self.inner.commit(base, changes).await
    }

    fn describe(&self) -> String {
        "damaged".to_owned()
    }
}

#[tokio::test]
async fn a_damaged_object_is_replaced_by_its_definition() {
    let repo = Repo::new();
    repo.apply(&shop()).await;
    let registry = Damaged { inner: Arc::clone(&repo.registry), names: &["shop", "stats", "driver"] };
    let store = repo.with_stores(Arc::new(registry), Arc::clone(&repo.online) as _);
    let applied = store.apply(&parse(&shop()), &ApplyOptions::default()).await.unwrap();
    expect![[r#"
        Update Project shop
          (stored object): damaged -> as declared
        Update Entity driver
          (stored object): damaged -> as declared
        Update FeatureView stats
          (stored object): damaged -> as declared
        Create memory of shop stats
    "#]]
    .assert_eq(&show(&applied.plan));
}

#[tokio::test]
async fn other_projects_are_left_alone() {
    let repo = Repo::new();
    let other = Entity { name: "theirs".into(), ..Entity::default() };
    repo.commit(&[Change::Put { project: "other".into(), object: Object::Entity(Arc::new(other)) }]).await;
    let id = repo.plan(&shop()).await.id;
    repo.commit(&[Change::DeleteProject("third".into())]).await;
    assert_eq!(repo.plan(&shop()).await.id, id, "what other projects do changes no plan");
    repo.apply(&shop()).await;
    repo.store.teardown().await.unwrap();
    assert!(repo.snapshot().await.entity("other", "theirs").is_ok());
}

#[tokio::test]
async fn what_yaml_cannot_declare_stays_with_all_it_refers_to() {
    let repo = Repo::new();
    let push = "---\nkind: PushSource\nname: inlet\nbatch_source: hourly\n---\nkind: FeatureView\nname: pushed\nentities: [driver]\nsource: inlet\n";
    let request = "---\nkind: RequestSource\nname: asked\nschema: [{name: n, dtype: Int64}]\n---\nkind: RequestSource\nname: unused\nschema: []\n";
    repo.apply(&format!("{}{push}{request}", shop())).await;
    let asked = DataSource::clone(repo.snapshot().await.data_source("shop", "asked").unwrap());
    let on_demand = OnDemandFeatureView {
        name: "computed".into(),
        sources: vec![
            (
                "pushed".into(),
                OnDemandSource::View(Projection { view: "pushed".into(), ..Projection::default() }),
            ),
            ("asked".into(), OnDemandSource::Request(Box::new(asked))),
        ],
        ..OnDemandFeatureView::default()
    };
    let foreign = SourceKind::Other { source_type: 8, class: "a.b.RedshiftSource".into(), options: None };
    let redshift = DataSource::new("redshift", foreign);
    let over =
        FeatureView { name: "over".into(), batch_source: Some(redshift.clone()), ..FeatureView::default() };
    let dataset = OtherObject {
        kind: ObjectKind::SavedDataset,
        name: "saved".into(),
        description: String::new(),
        tags: Default::default(),
        owner: String::new(),
        meta: Default::default(),
    };
    repo.commit(&[
        put(Object::OnDemandFeatureView(Arc::new(on_demand))),
        put(Object::DataSource(Arc::new(redshift))),
        put(Object::FeatureView(Arc::new(over))),
        put(Object::Other(Arc::new(dataset))),
    ])
    .await;
    repo.apply("kind: Project\nname: shop\n").await;
    expect![[r#"
        Project shop
        DataSource asked
        DataSource hourly
        DataSource inlet
        DataSource redshift
        Entity __dummy
        Entity driver
        FeatureView over
        FeatureView pushed
        OnDemandFeatureView computed
        SavedDataset saved"#]]
    .assert_eq(&repo.objects().await.join("\n"));
}

#[tokio::test]
async fn a_changed_view_keeps_what_was_recorded() {
    let repo = Repo::new();
    repo.apply(&shop()).await;
    let stored = FeatureView::clone(repo.snapshot().await.feature_view("shop", "stats").unwrap());
    let interval = MaterializationInterval { start: Timestamp(1), end: Timestamp(2) };
    let recorded =
        FeatureView { materialization_intervals: vec![interval], state: 4, version_number: 3, ..stored };
    let created = recorded.meta.created;
    repo.commit(&[put(Object::FeatureView(Arc::new(recorded)))]).await;
    assert!(repo.plan(&shop()).await.is_empty());
    repo.apply(&shop().replace("ttl: 1d", "ttl: 2d")).await;
    let snapshot = repo.snapshot().await;
    let view = snapshot.feature_view("shop", "stats").unwrap();
    assert_eq!(view.materialization_intervals, [interval]);
    assert_eq!((view.state, view.version_number, view.meta.created), (4, 3, created));
    assert_eq!(view.ttl, Some(2 * 86_400_000_000));
}

#[tokio::test]
async fn an_expected_plan_must_still_be_the_plan() {
    let repo = Repo::new();
    let plan = repo.plan(&shop()).await;
    assert_eq!(plan.id.len(), 12);
    let expecting = |id: &str| ApplyOptions { expected: Some(id.into()), ..ApplyOptions::default() };
    let other = repo.apply_with(&shop().replace("1d", "2d"), &expecting(&plan.id)).await.unwrap_err();
    assert_eq!(other.0[0].kind(), Kind::Conflict);
    // Somebody else applies first.
    repo.again().apply(SOURCES).await;
    let late = repo.apply_with(&shop(), &expecting(&plan.id)).await.unwrap_err();
    assert_eq!(late.0[0].kind(), Kind::Conflict);
    assert!(
        late.to_string().starts_with("something has changed since the plan was made; plan again (plan: ")
    );
    let now = repo.plan(&shop()).await;
    repo.apply_with(&shop(), &expecting(&now.id)).await.unwrap();
    // What is materialized in between does not matter to a plan.
    let next = shop().replace("1d", "2d");
    let plan = repo.plan(&next).await;
    let view = FeatureView {
        state: 4,
        ..FeatureView::clone(repo.snapshot().await.feature_view("shop", "stats").unwrap())
    };
    repo.commit(&[put(Object::FeatureView(Arc::new(view)))]).await;
    repo.apply_with(&next, &expecting(&plan.id)).await.unwrap();
}

#[tokio::test]
async fn a_plan_reads_as_json() {
    let repo = Repo::new();
    repo.apply(&shop()).await;
    let mut json = repo.plan(&shop().replace("ttl: 1d", "online: false")).await.to_json();
    json["id"] = "…".into();
    expect![[r#"
        {
          "changes": [
            {
              "action": "update",
              "fields": [
                {
                  "after": "0s",
                  "before": "1d",
                  "field": "ttl"
                },
                {
                  "after": "false",
                  "before": "true",
                  "field": "online"
                }
              ],
              "kind": "FeatureView",
              "name": "stats"
            }
          ],
          "id": "…",
          "infrastructure": [
            {
              "action": "drop",
              "destructive": true,
              "name": "memory of shop stats"
            }
          ],
          "project": "shop"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&json).unwrap());
}

#[tokio::test]
async fn the_project_is_described_by_its_definition_or_the_configuration() {
    let mut repo = Repo::new();
    repo.store.config.project_description = "from the configuration".into();
    repo.apply(&shop()).await;
    let described = |repo: &Repo| {
        let registry = Arc::clone(&repo.registry);
        async move {
            let (_, snapshot) = provender_core::Registry::snapshot(&*registry).await.unwrap();
            snapshot.project("shop").unwrap().unwrap().description.clone()
        }
    };
    assert_eq!(described(&repo).await, "from the configuration");
    repo.apply(&format!("{}---\nkind: Project\nname: shop\ndescription: declared\n", shop())).await;
    assert_eq!(described(&repo).await, "declared");
}

#[tokio::test]
async fn teardown_and_delete_take_tables_along() {
    let repo = Repo::new();
    repo.apply(&format!("{}---\nkind: FeatureService\nname: model\nfeatures: [stats]\n", shop())).await;
    expect![[r#"
        Delete FeatureView stats
        Drop memory of shop stats (destructive)
    "#]]
    .assert_eq(&show(&repo.store.delete("stats").await.unwrap()));
    assert_eq!(repo.store.delete("stats").await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(repo.store.delete("__dummy").await.unwrap_err().kind(), Kind::NotFound);
    repo.apply(&shop()).await;
    expect![[r#"
        Delete FeatureView stats
        Delete Entity driver
        Delete DataSource hourly
        Delete Project shop
        Drop memory of shop stats (destructive)
    "#]]
    .assert_eq(&show(&repo.store.teardown().await.unwrap()));
    assert!(repo.objects().await.is_empty());
    assert!(repo.store.teardown().await.unwrap().is_empty());
}

#[tokio::test]
async fn delete_takes_the_first_kind_in_feasts_order() {
    let repo = Repo::new();
    let entity = "---\nkind: Entity\nname: same\nvalue_type: STRING\n";
    repo.apply(&format!("{}{entity}", shop().replace("name: stats", "name: same"))).await;
    for kind in [ObjectKind::Entity, ObjectKind::FeatureView] {
        let plan = repo.store.delete("same").await.unwrap();
        assert_eq!((plan.objects[0].kind, plan.objects[0].action), (kind, ObjectAction::Delete));
    }
}

#[tokio::test]
async fn entities_and_sources_in_use_are_not_deleted() {
    let repo = Repo::new();
    repo.apply(&shop()).await;
    let before = repo.objects().await;
    for (name, noun) in [("driver", "entity"), ("hourly", "data source")] {
        let error = repo.store.delete(name).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert_eq!(error.message(), format!("{noun} {name} is still used by views"));
        assert_eq!(error.get("views"), Some("stats"));
    }
    assert_eq!(repo.objects().await, before);
    for name in ["stats", "driver", "hourly"] {
        assert_eq!(repo.store.delete(name).await.unwrap().objects[0].name, name);
    }
}

#[tokio::test]
async fn integers_of_different_widths_are_one_key() {
    let repo = Repo::new();
    repo.table(
        "narrow",
        &[
            ("driver_id", arrow_schema::DataType::Int32),
            ("ts", super::repo::timestamp()),
            ("n", arrow_schema::DataType::Int64),
        ],
    );
    let narrow = "---\nkind: FeatureView\nname: narrow\nentities: [driver]\nsource: {kind: FileSource, path: narrow}\n";
    repo.apply(&format!("{}{narrow}", shop())).await;
    let snapshot = repo.snapshot().await;
    // Each view keys its rows by its own source's type, as Feast does; the entity has the type that holds all.
    assert_eq!(
        snapshot.feature_view("shop", "narrow").unwrap().entity_columns[0].value_type,
        ValueType::INT32
    );
    assert_eq!(snapshot.entity("shop", "driver").unwrap().value_type, ValueType::INT64);
}
