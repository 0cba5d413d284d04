//! An online store in a third party's own crate
