use super::*;
use provender_core::{RequestContext, ValueType};

fn table(view: &str, features: usize) -> Arc<OnlineTable> {
    Arc::new(OnlineTable {
        project: "shop".to_owned(),
        view: view.to_owned(),
        join_keys: vec!["id".to_owned()],
        features: (0..features).map(|i| (format!("f.{i}"), ValueType::INT64)).collect(),
        ttl: None,
        tags: Default::default(),
    })
}

fn keys(keys: &[&str]) -> Arc<EntityKeys> {
    Arc::new(keys.iter().collect())
}

fn request(views: &[(&Arc<OnlineTable>, &[usize], &Arc<EntityKeys>)]) -> OnlineRead {
    let view = |(table, features, keys): &(&Arc<OnlineTable>, &[usize], &Arc<EntityKeys>)| ViewRead {
        table: Arc::clone(table),
        features: (*features).into(),
        keys: Arc::clone(keys),
    };
    OnlineRead { views: views.iter().map(view).collect(), context: RequestContext::local() }
}

fn names() -> TableNames {
    TableNames::parse("{project}.{table_name}").unwrap()
}

/// How many keys of which table each request asks for.
fn sizes(plan: &Plan<'_>, size: usize) -> Vec<Vec<(usize, usize)>> {
    let sizes = |batch: &Batch| batch.0.iter().map(|(table, range)| (*table, range.len())).collect();
    plan.batches(size).iter().map(sizes).collect()
}

#[test]
fn entities_and_tables_are_asked_for_once() {
    let (stats, other) = (table("stats", 3), table("other", 1));
    let (some, more) = (keys(&["a", "b", "a"]), keys(&["b", "c"]));
    let request = request(&[(&stats, &[2, 0], &some), (&other, &[0], &some), (&stats, &[0, 1], &more)]);
    let plan = Plan::of(&request, &names()).unwrap();
    let shapes: Vec<_> =
        plan.tables.iter().map(|t| (t.name.as_str(), t.ids.len(), t.features.clone())).collect();
    assert_eq!(shapes, [("shop.stats", 3, vec!["f.2", "f.0", "f.1"]), ("shop.other", 2, vec!["f.0"])]);
    assert_eq!(plan.views[0].entities, [0, 1, 0]);
    assert_eq!((&plan.views[2].entities[..], &plan.views[2].columns[..]), (&[1, 2][..], &[1, 2][..]));
}

#[test]
fn requests_are_filled_across_tables() {
    let (stats, other) = (table("stats", 1), table("other", 1));
    let (five, four) = (keys(&["a", "b", "c", "d", "e"]), keys(&["a", "b", "c", "d"]));
    let request = request(&[(&stats, &[0], &five), (&other, &[0], &four)]);
    let plan = Plan::of(&request, &names()).unwrap();
    assert_eq!(sizes(&plan, 100), [vec![(0, 5), (1, 4)]]);
    assert_eq!(sizes(&plan, 3), [vec![(0, 3)], vec![(0, 2), (1, 1)], vec![(1, 3)]]);
}

#[test]
fn only_what_is_asked_for_is_read() {
    let stats = table("stats", 1000);
    let some = keys(&["a"]);
    let projection = |features: &[usize]| {
        let request = request(&[(&stats, features, &some)]);
        Plan::of(&request, &names()).unwrap().tables[0].projection()
    };
    let (expression, names) = projection(&[7, 3]);
    assert_eq!(expression, "#e, #t, #v.#f0, #v.#f1");
    assert_eq!((names["#v"].as_str(), names["#f0"].as_str()), ("values", "f.7"));
    assert_eq!(projection(&[]).0, "#e, #t");
    let all: Vec<usize> = (0..1000).collect();
    assert_eq!(projection(&all).0, "#e, #t, #v");
    // DynamoDB takes no expression as long as this one would be.
    assert_eq!(projection(&all[..900]).0, "#e, #t, #v");
    assert!(projection(&all[..300]).0.len() <= EXPRESSION_BYTES);
}
