//! DynamoDB Local, or whatever else answers at `PROVENDER_TEST_DYNAMODB`.

#[path = "local.rs"]
mod local;

use provender_core::{OnlineStore, Result};
use provender_dynamodb::{Dynamodb, DynamodbConfig, WriteMode};
use std::sync::Arc;

/// A store there; `None` if it is not configured on this machine.
pub(crate) async fn open(write_mode: WriteMode) -> Option<Result<Arc<dyn OnlineStore>>> {
    let url = std::env::var("PROVENDER_TEST_DYNAMODB").ok().filter(|url| !url.is_empty())?;
    let config = DynamodbConfig { write_mode, ..local::at(url) };
    Some(Dynamodb::open_with(config, &local::credentials("dummy")).await)
}
