use super::*;
use provender_core::Kind;
use provender_core::model::{Entity, FeatureService, Object, OnDemandFeatureView};
use provender_core::registry::Stored;

const PROJECT: &str = "interop";

fn view(name: &str, keys: &[&str], features: &[&str]) -> FeatureView {
    let field = |name: &&str| Field::new(*name, ValueType::INT64);
    FeatureView {
        name: name.into(),
        entities: keys.iter().map(|k| format!("{k}_entity")).collect(),
        entity_columns: keys.iter().map(field).collect(),
        features: features.iter().map(field).collect(),
        enabled: true,
        ..FeatureView::default()
    }
}

fn registry(objects: Vec<Object>) -> RegistrySnapshot {
    RegistrySnapshot::new(objects.into_iter().map(|o| Arc::new(Stored::decoded(PROJECT.into(), o))), None)
}

fn view_object(view: FeatureView) -> Object {
    Object::FeatureView(Arc::new(view))
}

fn two_views() -> Vec<Object> {
    vec![
        view_object(view("fv", &["driver_id"], &["f", "g"])),
        view_object(view("gv", &["customer_id"], &["h", "f"])),
    ]
}

fn list(references: &[&str]) -> Features {
    Features::List(references.iter().map(|r| (*r).to_owned()).collect())
}

fn service(projections: Vec<Projection>) -> Object {
    Object::FeatureService(Arc::new(FeatureService { name: "svc".into(), projections, ..Default::default() }))
}

fn names(resolved: &Resolved) -> Vec<&str> {
    resolved.columns.iter().map(|c| c.name.as_str()).collect()
}

fn fails(objects: Vec<Object>, features: &Features) -> Error {
    resolve(&registry(objects), PROJECT, features, false).unwrap_err()
}

#[test]
fn columns_keep_the_order_asked_across_views() {
    let asked = list(&["fv:g", "gv:h", "fv:f"]);
    let resolved = resolve(&registry(two_views()), PROJECT, &asked, false).unwrap();
    assert_eq!(names(&resolved), ["g", "h", "f"]);
    assert_eq!(resolved.uses.len(), 2);
    assert_eq!(resolved.uses[0].features, [1, 0]);
    assert_eq!((resolved.columns[2].used, resolved.columns[2].feature), (0, 1));
}

#[test]
fn full_names_carry_the_view_or_its_alias() {
    let asked = list(&["fv:f", "gv:f"]);
    let resolved = resolve(&registry(two_views()), PROJECT, &asked, true).unwrap();
    assert_eq!(names(&resolved), ["fv__f", "gv__f"]);
}

#[test]
fn a_service_reads_a_view_twice_under_aliases() {
    let projection = |alias: &str, column: &str| Projection {
        view: "fv".into(),
        alias: Some(alias.into()),
        join_key_map: BTreeMap::from([("driver_id".to_owned(), column.to_owned())]),
        features: vec![Field::new("f", ValueType::INT64)],
    };
    let mut objects = two_views();
    objects.push(service(vec![projection("origin", "from_id"), projection("dest", "to_id")]));
    let asked = Features::Service("svc".into());
    let resolved = resolve(&registry(objects.clone()), PROJECT, &asked, true).unwrap();
    assert_eq!(names(&resolved), ["origin__f", "dest__f"]);
    assert_eq!(resolved.uses[1].keys[0].column, "to_id");
    let error = fails(objects, &asked);
    assert_eq!(error.get("features"), Some("origin:f, dest:f"));
}

#[test]
fn a_projection_without_features_means_all() {
    let mut objects = two_views();
    objects.push(service(vec![Projection { view: "gv".into(), ..Projection::default() }]));
    let resolved = resolve(&registry(objects), PROJECT, &Features::Service("svc".into()), false).unwrap();
    assert_eq!(names(&resolved), ["h", "f"]);
}

#[test]
fn colliding_short_names_are_refused_naming_both() {
    let error = fails(two_views(), &list(&["fv:f", "gv:f"]));
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(error.get("class"), Some("FeatureNameCollisionError"));
    assert_eq!(error.get("features"), Some("fv:f, gv:f"));
    assert_eq!(error.get("expected"), Some("full_feature_names, on the command line --full-feature-names"));
    assert_eq!(
        error.message(),
        "Duplicate features named f found.\nTo resolve this collision, either use the full feature name by setting 'full_feature_names=True', or ensure that the features in question have different names."
    );
}

#[test]
fn one_feature_asked_twice_collides_even_under_full_names() {
    let asked = list(&["fv:f", "fv:f"]);
    let error = resolve(&registry(two_views()), PROJECT, &asked, true).unwrap_err();
    assert!(error.message().starts_with("Duplicate features named fv__f found.\n"), "{error}");
}

#[test]
fn unknown_names_are_reported_in_feasts_words() {
    let check = |features: &Features, message: &str, class: Option<&str>| {
        let error = fails(two_views(), features);
        assert_eq!((error.kind(), error.message(), error.get("class")), (Kind::NotFound, message, class));
    };
    check(
        &list(&["nope:f"]),
        "Feature view nope does not exist in project interop",
        Some("FeatureViewNotFoundException"),
    );
    check(
        &Features::Service("nope".into()),
        "Feature service nope does not exist in project interop",
        Some("FeatureServiceNotFoundException"),
    );
    check(&list(&["fv:nope"]), "Feature nope not found in projection fv", None);
}

#[test]
fn unknown_names_come_with_the_nearest_known_one() {
    let mut objects = vec![view_object(view("driver_stats", &["driver_id"], &["conv_rate", "trips"]))];
    objects.push(service(vec![Projection { view: "driver_stats".into(), ..Projection::default() }]));
    let near = |features: &Features| fails(objects.clone(), features).get("did you mean").map(str::to_owned);
    assert_eq!(near(&list(&["driver_stat:trips"])).as_deref(), Some("driver_stats"));
    assert_eq!(near(&list(&["driver_stats:conv_rat"])).as_deref(), Some("conv_rate"));
    assert_eq!(near(&Features::Service("svd".into())).as_deref(), Some("svc"));
    assert_eq!(near(&list(&["nothing_like_it:trips"])), None);
}

#[test]
fn malformed_and_missing_references_are_refused() {
    let error = fails(two_views(), &list(&["conv_rate"]));
    assert!(error.message().starts_with("Invalid feature reference 'conv_rate'."), "{error}");
    assert_eq!(fails(two_views(), &list(&[])).message(), "No features specified for retrieval");
    let error = fails(two_views(), &list(&["fv@v2:f"]));
    assert_eq!(error.kind(), Kind::Unsupported);
    assert!(error.message().contains("'fv@v2'"), "{error}");
}

#[test]
fn on_demand_views_name_their_mode_and_what_brings_it() {
    let on_demand = OnDemandFeatureView { name: "odfv".into(), mode: "pandas".into(), ..Default::default() };
    let error = fails(vec![Object::OnDemandFeatureView(Arc::new(on_demand))], &list(&["odfv:x"]));
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(
        (error.get("mode"), error.get("needs")),
        (Some("pandas"), Some("the Python package of Provender"))
    );
}

#[test]
fn disabled_views_are_refused() {
    let disabled = FeatureView { enabled: false, ..view("fv", &["driver_id"], &["f"]) };
    let error = fails(vec![view_object(disabled)], &list(&["fv:f"]));
    assert_eq!((error.kind(), error.message()), (Kind::Invalid, "Feature view fv is disabled"));
}

#[test]
fn join_keys_fall_back_to_the_entities() {
    let bare = FeatureView {
        entities: vec!["driver".into()],
        entity_columns: Vec::new(),
        ..view("fv", &[], &["f"])
    };
    let driver = Entity {
        name: "driver".into(),
        join_key: "driver_id".into(),
        value_type: ValueType::INT64,
        ..Entity::default()
    };
    let objects = vec![view_object(bare), Object::Entity(Arc::new(driver))];
    let resolved = resolve(&registry(objects), PROJECT, &list(&["fv:f"]), false).unwrap();
    let key = JoinKey { name: "driver_id".into(), column: "driver_id".into(), value_type: ValueType::INT64 };
    assert_eq!(resolved.uses[0].keys, [key]);
}
