//! Fencing: what a resource does so that a leader of the past cannot hurt it.
//!
//! No lease is a fence: a process can be stopped between asking whether it
//! leads and acting on the answer, and wake up when another one leads. The
//! [`FencingToken`](crate::FencingToken) of its term travels with each write,
//! and the resource keeps a [`TokenGate`] that refuses the smaller ones.
//!
//! The gate stands beside the data and changes in the same transaction, or
//! under the same lock: a token that is checked apart from the write that it
//! guards can be overtaken in between. Where the data survives a restart the
//! newest token does too, as [text](crate::FencingToken) or by `serde`.
//!
//! ```
//! use dcs_core::FencingToken;
//! use dcs_core::fencing::{StaleToken, TokenGate};
//!
//! /// What the leader writes to: its data, and the gate beside it.
//! #[derive(Default)]
//! struct Store {
//!     gate: TokenGate,
//!     lines: Vec<String>,
//! }
//!
//! impl Store {
//!     fn append(&mut self, token: FencingToken, line: &str) -> Result<(), StaleToken> {
//!         self.gate.admit(token)?;
//!         self.lines.push(line.to_owned());
//!         Ok(())
//!     }
//! }
//!
//! let mut store = Store::default();
//! let (first, second): (FencingToken, FencingToken) = ("812".parse()?, "1024".parse()?);
//! store.append(first, "by the first leader")?;
//! store.append(first, "again, in the same term")?;
//! store.append(second, "by the next leader")?;
//! let refused = store.append(first, "by the first, which slept").unwrap_err();
//! assert_eq!((refused.token, refused.newest), (first, second));
//! assert_eq!(store.lines.len(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The keys of the scope itself are such a resource too, in a store that does
//! not compare tokens. [`TermKeys`](crate::election::TermKeys) fences them by
//! their revisions.

mod gate;
mod token;

pub use gate::{StaleToken, TokenGate};
pub use token::TokenUnavailable;
