//! Point-in-time, latest and range queries as SQL text for a dialect
