//! Feast's wire messages and their conversions to and from Provender's model
