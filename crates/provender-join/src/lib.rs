//! The in-process point-in-time join over Arrow and Parquet
