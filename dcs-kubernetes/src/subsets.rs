//! The addresses of the leader Endpoints, and whether they differ from what is wanted.
