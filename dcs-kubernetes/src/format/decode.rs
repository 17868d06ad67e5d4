//! From annotations to keys. Every function is total: what cannot be read is
//! said to be malformed, never absent, and never a panic.

use dcs_core::{
    Config, Failover, FencingToken, History, Initialize, MemberName, MemberRecord, SyncState, Value,
};

use super::leader::{explain, filled, json, kept, present, text};
use super::{Object, name};

/// Longest status of a member, written or read. All members' are in one list.
pub(crate) const STATUS_MAX: usize = 64 << 10;

/// The config key.
pub(crate) fn config(object: &Object) -> Value<Config> {
    present(kept(object, name::CONFIG).map(|settings| settings.map(Config::new)))
}

/// The initialize key: empty while someone makes the first data.
pub(crate) fn initialize(object: &Object) -> Value<Initialize> {
    match object.annotation(name::INITIALIZE) {
        None => Value::Absent,
        Some("") => Value::Present(Initialize::InProgress),
        Some(id) => Value::Present(Initialize::Done(id.to_owned())),
    }
}

/// The history key.
pub(crate) fn history(object: &Object) -> Value<History> {
    let lines = kept(object, name::HISTORY);
    present(lines.map(|lines| lines.map(History)))
}

/// The failover key. Patroni never deletes the object: an empty one asks for nothing.
pub(crate) fn failover(object: &Object) -> Value<Failover> {
    let parse = || {
        let mut request = Failover::default();
        request.leader = filled(object, name::LEADER)?;
        request.candidate = filled(object, name::MEMBER)?;
        request.scheduled_at = filled(object, name::SCHEDULED_AT)?;
        let asks = request != Failover::default();
        Ok(asks.then_some(request))
    };
    present(parse())
}

/// The sync key.
pub(crate) fn sync(object: &Object) -> Value<SyncState> {
    let parse = || {
        let leader = object.annotation(name::LEADER);
        let standbys = object.annotation(name::SYNC_STANDBY);
        let quorum: Option<u32> = text(object, name::QUORUM)?;
        if leader.is_none() && standbys.is_none() && quorum.is_none() {
            return Ok(None);
        }
        let mut state = SyncState::default();
        state.leader = leader.filter(|name| !name.is_empty()).map(str::to_owned);
        let standbys = standbys.unwrap_or_default().split(',').map(str::trim);
        let standbys = standbys.filter(|name| !name.is_empty());
        state.sync_standby = standbys.map(str::to_owned).collect();
        state.quorum = quorum;
        Ok(Some(state))
    };
    present(parse())
}

/// The fence of the object, whatever its keys say.
pub(crate) fn fence(object: &Object) -> Value<FencingToken> {
    present(text(object, name::FENCE))
}

/// How many bytes the member says.
pub(crate) fn status_size(pod: &Object) -> usize {
    pod.annotation(name::STATUS).map_or(0, str::len)
}

/// Why so many bytes are not read.
pub(crate) fn too_large(size: usize) -> String {
    format!("it has {size} bytes, {STATUS_MAX} are allowed")
}

/// The key of the member whose Pod this is.
pub(crate) fn member(member: &MemberName, pod: &Object) -> Value<MemberRecord> {
    let size = status_size(pod);
    let too_large = || (size > STATUS_MAX).then(|| too_large(size));
    if let Some(why) = pod.unread.clone().or_else(too_large) {
        return Value::Malformed(explain(name::STATUS, &why));
    }
    let labels = pod.labels();
    let record = |data| MemberRecord::new(member.clone(), data).with_labels(labels.clone());
    let data = json(pod, name::STATUS);
    present(data.map(|data| data.map(record)))
}
