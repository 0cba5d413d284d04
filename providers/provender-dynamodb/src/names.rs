//! Names of tables, by `table_name_template`.

use provender_core::online::OnlineTable;
use provender_core::{Error, Result};

/// A template of table names, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct TableNames(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Project,
    View,
}

/// What DynamoDB takes as a name.
const EXPECTED: &str = "3 to 255 letters, digits, `_`, `-` and `.`";

impl TableNames {
    /// Takes a template apart; if it does not fit, says what would.
    pub(crate) fn parse(template: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find(['{', '}']) {
            let (text, tail) = rest.split_at(open);
            parts.push(Part::Text(text.to_owned()));
            let (part, tail) = if let Some(tail) = tail.strip_prefix("{project}") {
                (Part::Project, tail)
            } else if let Some(tail) = tail.strip_prefix("{table_name}") {
                (Part::View, tail)
            } else {
                return Err("`{project}` and `{table_name}` as its only braces");
            };
            parts.push(part);
            rest = tail;
        }
        if !parts.iter().any(|part| matches!(part, Part::View)) {
            return Err("a template with `{table_name}`, or all views would share one table");
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Name of a view's table, whether or not DynamoDB would take it.
    pub(crate) fn plain(&self, table: &OnlineTable) -> String {
        let part = |part: &'_ Part| match part {
            Part::Text(text) => text.clone(),
            Part::Project => table.project.clone(),
            Part::View => table.view.clone(),
        };
        self.0.iter().map(part).collect()
    }

    /// Name of a view's table.
    ///
    /// # Errors
    /// `Invalid` naming the view if DynamoDB would not take it.
    pub(crate) fn of(&self, table: &OnlineTable) -> Result<String> {
        let name = self.plain(table);
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if (3..=255).contains(&name.len()) && name.bytes().all(fits) {
            return Ok(name);
        }
        Err(Error::invalid("DynamoDB does not take the name of a view's table")
            .with("view", &table.view)
            .with("table", name)
            .with("expected", EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::Kind;

    fn table(project: &str, view: &str) -> OnlineTable {
        OnlineTable {
            project: project.to_owned(),
            view: view.to_owned(),
            join_keys: vec!["id".to_owned()],
            features: Vec::new(),
            ttl: None,
            tags: Default::default(),
        }
    }

    #[test]
    fn names_follow_the_template() {
        let name = |template| TableNames::parse(template).unwrap().of(&table("shop", "stats")).unwrap();
        assert_eq!(name("{project}.{table_name}"), "shop.stats");
        assert_eq!(name("{table_name}"), "stats");
        assert_eq!(name("prod-{table_name}_{project}_{table_name}"), "prod-stats_shop_stats");
    }

    #[test]
    fn braces_in_a_name_are_no_placeholders() {
        let names = TableNames::parse("{project}.{table_name}").unwrap();
        assert_eq!(names.plain(&table("{table_name}", "v")), "{table_name}.v");
    }

    #[test]
    fn templates_that_do_not_fit_say_what_would() {
        let refused = |template| TableNames::parse(template).unwrap_err();
        assert!(refused("{project}").contains("share one table"));
        assert!(refused("{view}.{table_name}").contains("`{project}` and `{table_name}`"));
        assert!(refused("{{project}}{table_name}").contains("only braces"));
        assert!(refused("{table_name").contains("only braces"));
    }

    #[test]
    fn names_that_dynamodb_does_not_take_are_refused_with_the_view() {
        let names = TableNames::parse("{project}.{table_name}").unwrap();
        for (project, view) in
            [("shop", "with space"), ("shop", "grün"), ("", "v"), ("shop", &"v".repeat(251))]
        {
            let error = names.of(&table(project, view)).unwrap_err();
            assert_eq!((error.kind(), error.get("view")), (Kind::Invalid, Some(view)));
        }
        assert!(names.of(&table("shop", &"v".repeat(250))).is_ok());
        assert!(names.of(&table("a", "b")).is_ok());
    }
}
