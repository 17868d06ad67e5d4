//! A deterministic distributed configuration store in memory
