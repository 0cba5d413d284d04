//! Registry as one versioned blob: a local file in Feast's format
