//! One write of the lock, and a server that takes it.

use dcs_core::{Dcs as _, Outcome};
use dcs_kubernetes::ConfigMapDcs;
use serde_json::{Value, json};

use super::samples::{at, held, leader};

/// What an API server says of a lock at revision 101, and of a list.
pub(crate) fn lock() -> (u16, Value) {
    let metadata = json!({"name": "demo-leader", "resourceVersion": "101"});
    (200, json!({"metadata": metadata, "items": []}))
}

/// Renews the lock, on revision 100.
pub(crate) async fn write(dcs: &ConfigMapDcs) -> Outcome {
    dcs.write(&leader(held("demo-0", 1)), at(100)).await
}
