//! The headless Service that keeps the config Endpoints from being collected.
