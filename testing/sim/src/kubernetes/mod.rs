//! The Kubernetes backends under simulation: the production stack of requests
//! and watches, over a fake API server in virtual time.

mod answers;
mod clock;
mod server;
mod transport;

use std::sync::Arc;

use dcs_kubernetes::Mode;
use dcs_memory::sim::{Backend, Setting};

use self::server::Server;

/// What makes a store in this mode for each history.
pub(crate) fn makes(mode: Mode) -> impl Fn(Setting) -> Arc<dyn Backend> + Send + Sync + 'static {
    move |setting| Arc::new(Server::new(mode, setting))
}
