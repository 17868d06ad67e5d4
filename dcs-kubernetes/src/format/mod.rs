//! Patroni's wire format: how keys stand in annotations, byte for byte.

mod decode;
mod encode;
mod leader;
mod object;
mod python;

pub(crate) use decode::{
    STATUS_MAX, config, failover, fence, history, initialize, member, status_size, sync, too_large,
};
pub(crate) use encode::{Annotation, member_status, of_change, of_fence};
pub(crate) use leader::{failsafe, leader, status};
pub(crate) use object::{Event, List, Object, Status};

/// Annotations of the leader object.
pub(crate) mod name {
    pub(crate) const LEADER: &str = "leader";
    pub(crate) const TTL: &str = "ttl";
    pub(crate) const RENEW_TIME: &str = "renewTime";
    pub(crate) const ACQUIRE_TIME: &str = "acquireTime";
    pub(crate) const TRANSITIONS: &str = "transitions";
    pub(crate) const OPTIME: &str = "optime";
    pub(crate) const SLOTS: &str = "slots";
    pub(crate) const RETAIN_SLOTS: &str = "retain_slots";
    pub(crate) const FAILSAFE: &str = "failsafe";
    pub(crate) const CLAIM: &str = "dcs.internal/claim";
    pub(crate) const RELEASED: &str = "dcs.internal/released";
    // Of the config object.
    pub(crate) const CONFIG: &str = "config";
    pub(crate) const INITIALIZE: &str = "initialize";
    pub(crate) const HISTORY: &str = "history";
    // Of the failover object, beside `leader`.
    pub(crate) const MEMBER: &str = "member";
    pub(crate) const SCHEDULED_AT: &str = "scheduled_at";
    // Of the sync object, beside `leader`.
    pub(crate) const SYNC_STANDBY: &str = "sync_standby";
    pub(crate) const QUORUM: &str = "quorum";
    // Of all of these but the leader object.
    pub(crate) const FENCE: &str = "dcs.internal/fence";
    // Of a Pod.
    pub(crate) const STATUS: &str = "status";
}
