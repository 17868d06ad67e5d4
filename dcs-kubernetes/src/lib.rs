//! A distributed configuration store in Kubernetes Endpoints or `ConfigMaps`, in
//! Patroni's wire format.
//!
//! [`EndpointsDcs`] and [`ConfigMapDcs`] implement [`dcs_core::Dcs`]. Both keep
//! every key of a scope in annotations of objects that a cluster has anyway,
//! byte for byte as Patroni does, so that both can live in one cluster.
//!
//! ```no_run
//! use dcs_core::Dcs as _;
//! use dcs_kubernetes::EndpointsDcs;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let dcs = EndpointsDcs::builder("demo".parse()?)
//!     .labels("application=dcs".parse()?)
//!     .member("demo-0".parse()?)
//!     .pod_ip("192.0.2.10".parse()?)
//!     .connect()
//!     .await?;
//! let snapshot = dcs.load().await?;
//! println!("leader: {:?}", snapshot.holder());
//! # Ok(())
//! # }
//! ```
//!
//! The version of the Kubernetes API (a feature of `k8s-openapi`) and the TLS
//! provider (features of [`kube`]) are the application's choice.

mod address;
mod addresses;
mod backend;
mod build_error;
mod builder;
mod builder_more;
mod builder_wire;
mod client;
mod config_service;
mod fence;
mod format;
mod group;
mod kubernetes_settings;
mod member;
mod memory;
mod mode;
mod names;
mod own_pod;
mod role_labels;
mod room;
mod saved;
mod seeded;
mod settings;
mod size;
mod snapshot;
mod store;
mod subsets;
mod watch;

pub use address::{Port, Protocol};
pub use backend::{ConfigMapDcs, EndpointsDcs};
pub use build_error::{BuildError, infer_config};
pub use builder::Builder;
pub use group::{Group, InvalidGroup};
pub use kube;
pub use kubernetes_settings::{FileError, KubernetesSettings, PatroniFile, SettingError};
pub use mode::{InvalidMode, Mode};
pub use names::{InvalidName, LabelKey, Labels, Namespace};
pub use role_labels::RoleLabels;
pub use saved::{Saved, SavedError, Selection};

/// The example of the README, kept compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// How errors call the store.
const BACKEND: &str = "the Kubernetes API";
