#![doc = include_str!("../README.md")]

pub mod audit;
mod binaries;
mod cluster;
mod credentials;
pub mod detached;
mod error;
mod files;
mod identity;
mod kubeconfig;
mod launch;
mod probe;
mod process;
pub mod proxy;
mod real_time;
mod record;
mod root;

pub use binaries::{Binaries, Origin, Search};
pub use cluster::{Cluster, Options};
pub use credentials::User;
pub use error::Error;
pub use kubeconfig::Kubeconfig;
pub use process::Server;

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}
