//! Delta tables for Provender.
