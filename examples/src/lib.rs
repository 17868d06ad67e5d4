//! What the examples share and a reader need not copy: how they print, how they
//! stand in for Pods outside a cluster.
