//! Provender, a feature store for production machine learning
