//! Looks at the clusters of a namespace, and asks things of them.

fn main() {}
