//! The vocabulary of Provender: domain model, value types, entity keys, errors, configuration, the three store traits
