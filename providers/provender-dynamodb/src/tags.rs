//! Tags of a table: the store's, and the view's before them.

use crate::error::{failed, is_denied};
use crate::store::DynamodbStore;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::Tag;
use provender_core::online::OnlineTable;
use provender_core::{Error, Result};
use std::collections::BTreeMap;

/// Tags by key.
pub(crate) type TagMap = BTreeMap<String, String>;

/// What a table's tags should be. A view's tag without a value leaves the store's in place, as in Feast.
pub(crate) fn wanted(store: Option<&TagMap>, table: &OnlineTable) -> TagMap {
    let mut tags = store.cloned().unwrap_or_default();
    for (key, value) in &table.tags {
        if !value.is_empty() || !tags.contains_key(key) {
            tags.insert(key.clone(), value.clone());
        }
    }
    tags
}

/// Tags as the SDK takes them.
pub(crate) fn built(tags: &TagMap) -> Result<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| {
        let tag = Tag::builder().key(key).value(value).build();
        tag.map_err(|e| Error::internal("cannot make a tag").because(e))
    };
    tags.iter().map(tag).collect()
}

/// Makes the tags of a table those that are wanted, by as few changes as it takes. If none are wanted, the table's are somebody else's and stay.
/// A role that may not see or change tags does not keep a view from being set up.
pub(crate) async fn update(store: &DynamodbStore, arn: &str, tags: &TagMap) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let held = match current(store, arn).await? {
        Some(held) => held,
        None => return Ok(()),
    };
    let (gone, new) = difference(&held, tags);
    if !gone.is_empty() {
        let untag = store.client.untag_resource().resource_arn(arn).set_tag_keys(Some(gone)).send().await;
        untag.map(drop).or_else(|e| if is_denied(&e) { told(arn) } else { Err(failed(e, "remove tags")) })?;
    }
    if !new.is_empty() {
        let tag = store.client.tag_resource().resource_arn(arn).set_tags(Some(built(&new)?)).send().await;
        tag.map(drop).or_else(|e| if is_denied(&e) { told(arn) } else { Err(failed(e, "set tags")) })?;
    }
    Ok(())
}

/// The tags of a table; `None` if they may not be seen, or there are no tags here: DynamoDB Local has none.
async fn current(store: &DynamodbStore, arn: &str) -> Result<Option<TagMap>> {
    let mut tags = TagMap::new();
    let mut next = None;
    loop {
        let list = store.client.list_tags_of_resource().resource_arn(arn).set_next_token(next).send().await;
        let page = match list {
            Ok(page) => page,
            Err(e) if is_denied(&e) => return told(arn).map(|()| None),
            Err(e) if e.code() == Some("UnknownOperationException") => return Ok(None),
            Err(e) => return Err(failed(e, "list tags")),
        };
        tags.extend(page.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
        next = page.next_token;
        if next.is_none() {
            return Ok(Some(tags));
        }
    }
}

fn told(arn: &str) -> Result<()> {
    tracing::warn!(table = arn, "the AWS role may not list or change tags; the table keeps those it has");
    Ok(())
}

/// Keys to remove and tags to set. Tags of AWS's own cannot be removed.
fn difference(held: &TagMap, wanted: &TagMap) -> (Vec<String>, TagMap) {
    let gone = held.keys().filter(|key| !wanted.contains_key(*key) && !key.starts_with("aws:"));
    let new = wanted.iter().filter(|(key, value)| held.get(*key) != Some(value));
    (gone.cloned().collect(), new.map(|(key, value)| (key.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> TagMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_of_the_view_go_before_those_of_the_store() {
        let table = OnlineTable {
            project: "shop".to_owned(),
            view: "stats".to_owned(),
            join_keys: Vec::new(),
            features: Vec::new(),
            ttl: None,
            tags: tags(&[("team", "b"), ("owner", ""), ("note", "")]),
        };
        let store = tags(&[("team", "a"), ("owner", "x")]);
        let expected = tags(&[("team", "b"), ("owner", "x"), ("note", "")]);
        assert_eq!(wanted(Some(&store), &table), expected);
        assert_eq!(wanted(None, &table), table.tags);
    }

    #[test]
    fn only_what_differs_is_changed_and_tags_of_aws_stay() {
        let held =
            tags(&[("team", "a"), ("owner", "x"), ("old", "1"), ("aws:cloudformation:stack-name", "s")]);
        let (gone, new) = difference(&held, &tags(&[("team", "b"), ("owner", "x"), ("fresh", "1")]));
        assert_eq!(gone, ["old"]);
        assert_eq!(new, tags(&[("team", "b"), ("fresh", "1")]));
    }
}
