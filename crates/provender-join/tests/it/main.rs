//! The join against a brute-force oracle, and its sources, windows and frames on real files.

mod frames;
mod historical;
mod oracle;
mod random;
mod sources;
mod support;
mod windows;
