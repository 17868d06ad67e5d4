//! The cases. Each is listed in `list.rs`, and only there.

pub(crate) mod breaks;
pub(crate) mod cas;
pub(crate) mod fence;
pub(crate) mod fresh;
pub(crate) mod keys;
pub(crate) mod member;
pub(crate) mod outcome;
pub(crate) mod race;
pub(crate) mod record;
pub(crate) mod revision;
pub(crate) mod values;
pub(crate) mod watch;
