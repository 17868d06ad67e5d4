//! Which role clients are sent to a member in.

/// The role in which clients reach a member. A store that routes by labels
/// writes it as one: see the docs of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Routing {
    /// The member leads.
    Leader,
    /// The member leads a cluster that follows another cluster.
    StandbyLeader,
    /// The member has this role, such as `replica`.
    Role(String),
    /// Nobody is sent to the member: it does not run.
    Nowhere,
}
