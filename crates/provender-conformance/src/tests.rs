//! The list of rules in README.md is complete.

use crate::{offline::OFFLINE, online::ONLINE, registry::REGISTRY};

#[test]
fn readme_lists_every_rule_in_its_place() {
    let readme = include_str!("../README.md");
    let listed = |title: &str| {
        let section = readme.split(&format!("\n### {title}\n")).nth(1).unwrap();
        let section = section.split("\n### ").next().unwrap();
        section.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let names = |rules: Vec<&'static str>| rules.into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(listed("Offline store"), names(OFFLINE.iter().map(|rule| rule.name).collect()));
    assert_eq!(listed("Online store"), names(ONLINE.iter().map(|rule| rule.name).collect()));
    assert_eq!(listed("Registry"), names(REGISTRY.iter().map(|rule| rule.name).collect()));
}
