//! What Patroni makes of an object, read by its own rules and without this
//! project's code: its parsers forgive, so here everything that it would have
//! forgiven is told as well.
//!
//! The rules are those of Patroni 4.1, `patroni/dcs/__init__.py` and
//! `patroni/dcs/kubernetes.py`.

use serde_json::{Map, Value};

use super::api::annotation;

/// Who leads by the lock, and for how many whole seconds it is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) holder: Option<String>,
    pub(crate) ttl: u64,
    pub(crate) transitions: u64,
}

/// Reads the leader object: the lock, the status and the failsafe map.
pub(crate) fn lock(object: &Value) -> Result<Lock, String> {
    let holder = annotation(object, "leader").filter(|name| !name.is_empty());
    let ttl = digits(object, "ttl")?.ok_or("no ttl")?;
    if ttl == 0 {
        return Err("ttl 0 is taken for none".to_owned());
    }
    for time in ["renewTime", "acquireTime"] {
        let text = annotation(object, time);
        if !text.is_some_and(is_python_time) && (text.is_some() || holder.is_some()) {
            return Err(format!("{time} {text:?}"));
        }
    }
    digits(object, "optime")?;
    if let Some(slots) = json(object, "slots")? {
        let slots: Map<String, Value> = of_shape(slots, "slots")?;
        all(&slots, "slots", Value::is_u64)?;
    }
    if let Some(retained) = json(object, "retain_slots")? {
        let names: Vec<Value> = of_shape(retained, "retain_slots")?;
        if !names.iter().all(Value::is_string) {
            return Err("retain_slots of no names".to_owned());
        }
    }
    if let Some(failsafe) = json(object, "failsafe")? {
        let map: Map<String, Value> = of_shape(failsafe, "failsafe")?;
        all(&map, "failsafe", Value::is_string)?;
    }
    Ok(Lock {
        holder: holder.map(str::to_owned),
        ttl,
        transitions: digits(object, "transitions")?.ok_or("no transitions")?,
    })
}

/// Reads the config object: config, initialize and history.
pub(crate) fn config(object: &Value) -> Result<(), String> {
    if let Some(id) = annotation(object, "initialize") {
        let is_id = id.len() >= 10 && id.bytes().all(|b| b.is_ascii_digit());
        if !is_id && !id.is_empty() {
            return Err(format!("initialize {id:?}"));
        }
    }
    if let Some(config) = json(object, "config")? {
        let config: Map<String, Value> = of_shape(config, "config")?;
        for number in ["ttl", "loop_wait", "retry_timeout"] {
            let value = config.get(number).unwrap_or(&Value::Null);
            if !value.is_null() && !value.is_u64() {
                return Err(format!("{number} {value}"));
            }
        }
    }
    let Some(history) = json(object, "history")? else {
        return Ok(());
    };
    let lines: Vec<Vec<Value>> = of_shape(history, "history")?;
    for line in &lines {
        let is_line = (3..=5).contains(&line.len())
            && line[..2].iter().all(Value::is_u64)
            && line[2..].iter().all(Value::is_string);
        if !is_line {
            return Err(format!("history line {line:?}"));
        }
    }
    Ok(())
}

/// Reads the failover object.
pub(crate) fn failover(object: &Value) -> Result<(), String> {
    match annotation(object, "scheduled_at") {
        Some(at) if !is_python_time(at) => Err(format!("scheduled_at {at:?}")),
        _ => Ok(()),
    }
}

/// Reads the sync object.
pub(crate) fn sync(object: &Value) -> Result<(), String> {
    let quorum = digits(object, "quorum")?;
    let standbys = annotation(object, "sync_standby");
    if annotation(object, "leader").is_none() && (quorum.is_some() || standbys.is_some()) {
        return Err("synchronous members of nobody".to_owned());
    }
    let names: Vec<&str> = standbys.into_iter().flat_map(|s| s.split(',')).collect();
    let well = names.iter().all(|name| !name.trim().is_empty()) && names.is_sorted();
    well.then_some(())
        .ok_or(format!("sync_standby {standbys:?}"))
}

/// Reads a member's Pod. What has no status yet is a member without data.
pub(crate) fn member(pod: &Value) -> Result<(), String> {
    let Some(status) = json(pod, "status")? else {
        return Ok(());
    };
    // Operators look for parts of the text, such as `"role":"primary"`.
    if annotation(pod, "status") != Some(&*status.to_string()) {
        return Err("status with spaces".to_owned());
    }
    let data: Map<String, Value> = of_shape(status, "status")?;
    for text in ["conn_url", "state", "role", "version"] {
        if !data.get(text).is_some_and(Value::is_string) {
            return Err(format!("status without {text}"));
        }
    }
    Ok(())
}

fn digits(object: &Value, key: &str) -> Result<Option<u64>, String> {
    let parse = |text: &str| {
        let number: u64 = text.parse().map_err(|_| format!("{key} {text:?}"))?;
        let is_plain = number.to_string() == text;
        is_plain.then_some(number).ok_or(format!("{key} {text:?}"))
    };
    annotation(object, key).map(parse).transpose()
}

fn json(object: &Value, key: &str) -> Result<Option<Value>, String> {
    let parse = |text| serde_json::from_str(text).map_err(|why| format!("{key}: {why}"));
    annotation(object, key).map(parse).transpose()
}

fn of_shape<T: serde::de::DeserializeOwned>(value: Value, key: &str) -> Result<T, String> {
    serde_json::from_value(value).map_err(|why| format!("{key}: {why}"))
}

fn all(map: &Map<String, Value>, key: &str, is: fn(&Value) -> bool) -> Result<(), String> {
    let odd = map.iter().find(|(_, value)| !is(value));
    odd.map_or(Ok(()), |(name, value)| {
        Err(format!("{key}: {name} {value}"))
    })
}

/// An instant as `datetime.isoformat` writes it in UTC: six digits of a second
/// or none, and `+00:00`.
fn is_python_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { 'd' } else { c })
        .collect();
    let shapes = [
        "dddd-dd-ddTdd:dd:dd.dddddd+dd:dd",
        "dddd-dd-ddTdd:dd:dd+dd:dd",
    ];
    shapes.contains(&&*shape) && text.ends_with("+00:00")
}
