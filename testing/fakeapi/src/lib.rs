#![doc = include_str!("../README.md")]

mod api;
mod bulk;
mod faults;
mod kinds;
mod log;
mod object;
mod options;
mod patch;
mod print;
mod query;
mod reply;
mod select;
mod serve;
mod service;
mod status;
mod store;
mod target;
#[cfg(feature = "tcp")]
mod tcp;
mod time;
mod watch;

pub use api::{FakeApi, NotKept};
pub use faults::{Action, Disturbance, Edit, Faults, Lag, On, Rates, Reply};
pub use log::Recorded;
pub use options::Options;
pub use service::{FakeBody, FakeService};
pub use target::Verb;
#[cfg(feature = "tcp")]
pub use tcp::Listening;
pub use time::Clock;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
