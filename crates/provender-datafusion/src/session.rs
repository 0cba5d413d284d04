//! Sessions of DataFusion, set up alike.

use crate::errors::of_datafusion;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use provender_core::Result;
use std::path::Path;
use std::sync::Arc;

/// Of the memory allowed, a query has half: the rest is for the stores that read its tables.
const MEMORY_SHARE: f64 = 0.5;

/// A session without tables.
pub(crate) fn session(max_memory: Option<u64>, spill_folder: Option<&Path>) -> Result<SessionContext> {
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(bytes) = max_memory {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        runtime = runtime.with_memory_limit(bytes, MEMORY_SHARE);
    }
    if let Some(folder) = spill_folder {
        runtime = runtime.with_temp_file_path(folder);
    }
    let runtime = runtime.build().map_err(|e| of_datafusion(&e))?;
    Ok(SessionContext::new_with_config_rt(config(), Arc::new(runtime)))
}

/// One partition: rows then come in the same order each time. The stores read with as many threads as there are.
pub(crate) fn config() -> SessionConfig {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // What comes out is plain text, as stores have it.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some("UTC".to_owned());
    config
}
