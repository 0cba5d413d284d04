//! From text to one statement that only reads.

use crate::errors::{at, of_datafusion};
use datafusion::common::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, Expr, ObjectName, Query, SetExpr, Visit, Visitor, visit_relations,
};
use provender_core::{Error, Result};
use std::ops::ControlFlow;

const EXPECTED: &str = "one SELECT, WITH or VALUES statement";

/// Longest text of a query, in bytes.
const LONGEST: usize = 256 << 10;
/// Levels of an expression, operands of a set operation, and tables of a query: each at most so many. The engine goes down them level by level on its stack.
const DEEPEST: usize = 200;

/// Parses a query; to be called where the stack is [deep](crate::deep).
///
/// # Errors
/// `Invalid` with the place of the mistake and what was expected there, if it is no query, or if it is too long or too deep.
pub(crate) fn parse(state: &SessionState, text: &str) -> Result<Statement> {
    if text.trim().is_empty() {
        return Err(Error::invalid("the query is empty").with("expected", EXPECTED));
    }
    if text.len() > LONGEST {
        return Err(
            Error::invalid("the query is too long").with("expected", format!("at most {LONGEST} bytes"))
        );
    }
    let dialect = state.config().options().sql_parser.dialect;
    let statement = state.sql_to_statement(text, &dialect).map_err(|e| mistake(&e, text))?;
    let Statement::Statement(inner) = &statement else { return Err(no_query(&statement)) };
    if !matches!(**inner, ast::Statement::Query(_)) {
        return Err(no_query(&statement));
    }
    if inner.visit(&mut Depth::default()).is_break() {
        return Err(Error::invalid("the query is too deep").with(
            "expected",
            format!("at most {DEEPEST} operators in a row, tables, and operands of UNION; IN for long lists"),
        ));
    }
    Ok(statement)
}

/// Where a query first names a table.
pub(crate) fn place(statement: &Statement, table: &str) -> Option<String> {
    let Statement::Statement(inner) = statement else { return None };
    let found =
        visit_relations(inner.as_ref(), |name| match name.0.last().and_then(|part| part.as_ident()) {
            Some(ident) if ident.value.eq_ignore_ascii_case(table) => ControlFlow::Break(ident.span.start),
            _ => ControlFlow::Continue(()),
        });
    let start = found.break_value()?;
    // Names in single quotes have no place.
    (start.line > 0).then(|| at(start.line, start.column))
}

fn no_query(statement: &Statement) -> Error {
    Error::invalid("a query only reads")
        .with("found", statement.to_string().split_whitespace().next().unwrap_or_default())
        .with("expected", EXPECTED)
}

/// What the parser says; it tells of a second statement in words of its own.
fn mistake(error: &DataFusionError, text: &str) -> Error {
    match of_datafusion(error) {
        told if told.message() == "the engine for SQL cannot do that" && text.contains(';') => {
            Error::invalid("several statements").with("expected", EXPECTED)
        }
        told => told,
    }
}

/// Breaks off where a query is too deep.
#[derive(Default)]
struct Depth {
    level: usize,
    tables: usize,
}

fn within(count: usize) -> ControlFlow<()> {
    if count > DEEPEST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.level += 1;
        within(self.level)
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.level -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, _: &ObjectName) -> ControlFlow<()> {
        self.tables += 1;
        within(self.tables)
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let (mut operands, mut body) = (0, query.body.as_ref());
        while let SetExpr::SetOperation { left, .. } = body {
            operands += 1;
            body = left;
        }
        within(operands)
    }
}
