//! What a leader and its members have to decide beside the election, as pure
//! functions of what the store shows.

mod routing;

pub use routing::Routing;
