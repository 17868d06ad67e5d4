//! JSON as Python writes it.
