//! Traits, keys and election rules of a distributed configuration store, without I/O
