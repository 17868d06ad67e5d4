//! What `list` says of a scope: the words and fields that scripts rely on.

use std::collections::BTreeMap;

use dcs_core::{Failover, Initialize, MemberName, MemberRecord, Scope, Snapshot, SynchronousMode};
use dcs_kubernetes::Mode;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The JSON of `list`. Every field is there; what is not known is null.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    pub(crate) scope: String,
    pub(crate) mode: &'static str,
    /// The id of the data; empty while someone makes it.
    pub(crate) initialize: Option<String>,
    pub(crate) leader: Option<String>,
    /// The fencing token of the leader's term, in decimal, where the leader says it.
    pub(crate) token: Option<String>,
    /// In seconds.
    pub(crate) ttl: Option<u64>,
    pub(crate) transitions: Option<u64>,
    /// By name.
    pub(crate) members: Vec<Member>,
    pub(crate) sync: Option<Value>,
    pub(crate) failover: Option<Value>,
    pub(crate) failsafe: Option<BTreeMap<String, String>>,
    pub(crate) history: Vec<Value>,
    pub(crate) config: Option<Map<String, Value>>,
    pub(crate) status: Value,
    pub(crate) malformed: Vec<Malformed>,
    /// For people; scripts find it in the config.
    #[serde(skip)]
    pub(crate) is_paused: bool,
}

/// One member, in patronictl's words.
#[derive(Debug, Serialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) state: Option<String>,
    /// With a port where one member has another one than 5432, and where two
    /// have the same address.
    pub(crate) host: Option<String>,
    pub(crate) timeline: Option<u64>,
    /// How much of the log it has received; null for the leader.
    pub(crate) lsn: Option<String>,
    /// By how many bytes that is behind what the leader says of itself.
    pub(crate) lag: Option<u64>,
    pub(crate) tags: Map<String, Value>,
}

/// A key that cannot be read.
#[derive(Debug, Serialize)]
pub(crate) struct Malformed {
    pub(crate) key: String,
    pub(crate) why: String,
}

impl Listing {
    pub(crate) fn of(scope: &Scope, mode: Mode, snapshot: &Snapshot) -> Self {
        let record = snapshot.leader.get();
        let malformed = snapshot.malformed().into_iter();
        Self {
            scope: scope.to_string(),
            mode: mode.as_str(),
            initialize: snapshot.initialize.get().map(initialize),
            leader: snapshot.holder().map(MemberName::to_string),
            token: token(snapshot),
            ttl: record.and_then(|record| record.ttl.map(|ttl| ttl.as_secs())),
            transitions: record.and_then(|record| record.transitions),
            members: members(snapshot),
            sync: sync(snapshot),
            failover: snapshot.failover.get().map(request),
            failsafe: snapshot.failsafe.get().map(|map| map.0.clone()),
            history: snapshot
                .history
                .get()
                .map_or_else(Vec::new, |h| h.0.clone()),
            config: settings(snapshot).cloned(),
            status: status(snapshot),
            malformed: malformed
                .map(|(key, why)| Malformed {
                    key: key.to_string(),
                    why: why.to_owned(),
                })
                .collect(),
            is_paused: snapshot
                .config
                .get()
                .is_some_and(|config| config.view().pause()),
        }
    }
}

fn initialize(initialize: &Initialize) -> String {
    match initialize {
        Initialize::Done(id) => id.clone(),
        Initialize::InProgress => String::new(),
    }
}

/// The claim's own word for it: the revision in the record is that of the last
/// renewal, not that of the acquiring write.
fn token(snapshot: &Snapshot) -> Option<String> {
    let record = snapshot.leader.get()?;
    record.holder.as_ref()?;
    let claim = serde_json::to_value(record.valid_claim()?).ok()?;
    match claim.get("token")? {
        Value::String(token) => Some(token.clone()),
        Value::Number(token) => Some(token.to_string()),
        _ => None,
    }
}

fn sync(snapshot: &Snapshot) -> Option<Value> {
    let sync = snapshot.sync.get()?;
    Some(json!({
        "leader": sync.leader,
        "sync_standby": sync.sync_standby,
        "quorum": sync.quorum(),
    }))
}

/// A request to hand over, under the names of its annotations.
pub(crate) fn request(request: &Failover) -> Value {
    json!({
        "leader": request.leader.as_ref().map(MemberName::as_str),
        "member": request.candidate.as_ref().map(MemberName::as_str),
        "scheduled_at": request.scheduled_at.map(|at| at.to_string()),
    })
}

fn status(snapshot: &Snapshot) -> Value {
    let status = snapshot.status.get();
    json!({
        "optime": status.and_then(|status| status.optime),
        "slots": status.and_then(|status| status.slots.as_ref()).map(dcs_core::Slots::by_name),
        "retain_slots": status.and_then(|status| status.retain_slots.as_ref()),
    })
}

fn settings(snapshot: &Snapshot) -> Option<&Map<String, Value>> {
    snapshot.config.get().map(dcs_core::Config::settings)
}

fn members(snapshot: &Snapshot) -> Vec<Member> {
    let addresses: Vec<_> = snapshot
        .members
        .values()
        .map(|entry| entry.get().and_then(address))
        .collect();
    let shows_port = shows_port(addresses.iter().flatten());
    let members = snapshot.members.iter().zip(&addresses);
    let members = members.map(|((name, entry), address)| {
        let leads = snapshot.holder() == Some(name);
        let record = entry.get();
        let number = |field: &str| record?.data().get(field)?.as_u64();
        let received = number("receive_lsn").or_else(|| number("xlog_location"));
        let received = received.filter(|_| !leads);
        let optime = snapshot.status.get().and_then(|status| status.optime);
        let host = address.as_ref().map(|(host, port)| match port {
            Some(port) if shows_port => format!("{host}:{port}"),
            _ => host.clone(),
        });
        let tags = record.and_then(|record| record.data().get("tags")?.as_object());
        Member {
            name: name.to_string(),
            role: role(snapshot, name),
            state: record.and_then(|record| state(record, leads)),
            host,
            timeline: number("timeline"),
            lsn: received.map(|lsn| format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)),
            lag: optime.and_then(|optime| Some(optime.saturating_sub(received?))),
            tags: tags.cloned().unwrap_or_default(),
        }
    });
    members.collect()
}

/// What the standby's log does says more of it than `running`.
fn state(record: &MemberRecord, leads: bool) -> Option<String> {
    let replication = record.data().get("replication_state");
    let replication = replication.and_then(Value::as_str).filter(|_| !leads);
    let state = replication.filter(|state| !state.is_empty());
    state.or_else(|| record.state()).map(str::to_owned)
}

fn role(snapshot: &Snapshot, name: &MemberName) -> &'static str {
    let config = snapshot.config.get().cloned().unwrap_or_default();
    let follows_a_cluster = config.view().is_standby_cluster();
    if snapshot.holder() == Some(name) {
        return if follows_a_cluster {
            "Standby Leader"
        } else {
            "Leader"
        };
    }
    let sync = snapshot.sync.get();
    let is_synchronous = sync.is_some_and(|sync| sync.matches(name.as_str()));
    match config.view().synchronous_mode() {
        SynchronousMode::Quorum if is_synchronous => "Quorum Standby",
        SynchronousMode::On if is_synchronous => "Sync Standby",
        _ => "Replica",
    }
}

fn shows_port<'a>(addresses: impl Iterator<Item = &'a (String, Option<u16>)>) -> bool {
    let mut hosts = std::collections::BTreeSet::new();
    let mut shows = false;
    for (host, port) in addresses {
        shows |= port.is_some_and(|port| port != 5432) || !hosts.insert(host);
    }
    shows
}

/// Host and port of `conn_url`, and nothing else of it: it may hold a password.
fn address(record: &MemberRecord) -> Option<(String, Option<u16>)> {
    let (_, rest) = record.conn_url()?.split_once("://")?;
    let rest = rest.split(['/', '?', '#']).next()?;
    let (_, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (host, port) = match place.rsplit_once(':') {
        // The colon of an IPv6 address is none of a port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (place, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}
