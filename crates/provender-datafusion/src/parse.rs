//! From text to one statement that only reads.

use crate::errors::of_datafusion;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use provender_core::{Error, Result};

const EXPECTED: &str = "one SELECT, WITH or VALUES statement";

/// Parses a query.
///
/// # Errors
/// `Invalid` with the place of the mistake and what was expected there, or if it is no query.
pub(crate) fn parse(state: &SessionState, text: &str) -> Result<Statement> {
    if text.trim().is_empty() {
        return Err(Error::invalid("the query is empty").with("expected", EXPECTED));
    }
    let dialect = state.config().options().sql_parser.dialect;
    let statement = state.sql_to_statement(text, &dialect).map_err(|e| of_datafusion(&e))?;
    match &statement {
        Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_)) => Ok(statement),
        other => Err(Error::invalid("a query only reads")
            .with("found", other.to_string().split_whitespace().next().unwrap_or_default())
            .with("expected", EXPECTED)),
    }
}
