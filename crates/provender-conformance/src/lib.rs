//! The rules that every Provender store must keep, the oracle and data generators
