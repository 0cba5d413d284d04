//! What an apply changes.

use super::repo::{Repo, SOURCES, parse, shop, show};
use expect_test::expect;

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
}
