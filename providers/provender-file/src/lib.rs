//! Offline store over Parquet and CSV files
