//! The leader object: three keys in one register. Each is judged alone, so
//! rubbish in one leaves the others readable.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use dcs_core::{Failsafe, LeaderRecord, Slots, Status, Value};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{Object, name, python};

/// The leader key. An object without any lock annotation is a vacant record,
/// not an absent key: it is a version to wait for and to replace.
pub(crate) fn leader(object: &Object) -> Value<LeaderRecord> {
    present(leader_record(object).map(Some))
}

/// The status key.
pub(crate) fn status(object: &Object) -> Value<Status> {
    let parse = || {
        let mut status = Status::default();
        status.optime = text(object, name::OPTIME)?;
        status.slots = json(object, name::SLOTS)?.map(Slots::new);
        status.retain_slots = json(object, name::RETAIN_SLOTS)?.map(strings);
        Ok((!status.is_empty()).then_some(status))
    };
    present(parse())
}

/// The failsafe key.
pub(crate) fn failsafe(object: &Object) -> Value<Failsafe> {
    let map: Result<Option<BTreeMap<String, String>>, _> = json(object, name::FAILSAFE);
    present(map.map(|map| map.map(Failsafe)))
}

/// What is no name names no slot, and hides none of the others.
fn strings(items: Vec<Json>) -> Vec<String> {
    let strings = items.into_iter().filter_map(|item| match item {
        Json::String(text) => Some(text),
        _ => None,
    });
    strings.collect()
}

fn leader_record(object: &Object) -> Result<LeaderRecord, String> {
    let mut record = LeaderRecord::default();
    record.holder = filled(object, name::LEADER)?;
    // Whole seconds; more than u32 holds is no ttl that anyone waited for.
    let seconds: Option<u32> = text(object, name::TTL)?;
    record.ttl = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    record.acquire_time = text(object, name::ACQUIRE_TIME)?;
    record.renew_time = text(object, name::RENEW_TIME)?;
    record.transitions = text(object, name::TRANSITIONS)?;
    // Marks that cannot be read do not count, as if they were not there.
    record.claim = json(object, name::CLAIM).unwrap_or_default();
    record.released = json(object, name::RELEASED).unwrap_or_default();
    Ok(record)
}

pub(super) fn present<T>(parsed: Result<Option<T>, String>) -> Value<T> {
    match parsed {
        Ok(Some(value)) => Value::Present(value),
        Ok(None) => Value::Absent,
        Err(why) => Value::Malformed(why),
    }
}

pub(super) fn text<T: FromStr<Err: Display>>(
    object: &Object,
    annotation: &str,
) -> Result<Option<T>, String> {
    let parse = |text: &str| text.parse().map_err(|why| explain(annotation, &why));
    object.annotation(annotation).map(parse).transpose()
}

/// As [`text`], and an empty annotation says what an absent one does, as it
/// does to Patroni.
pub(super) fn filled<T: FromStr<Err: Display>>(
    object: &Object,
    annotation: &str,
) -> Result<Option<T>, String> {
    match object.annotation(annotation) {
        Some("") => Ok(None),
        _ => text(object, annotation),
    }
}

pub(super) fn json<T: DeserializeOwned>(
    object: &Object,
    annotation: &str,
) -> Result<Option<T>, String> {
    let parse = |text| {
        python::refuse_depth(text).map_err(|why| explain(annotation, &why))?;
        serde_json::from_str(text).map_err(|why| explain(annotation, &why))
    };
    object.annotation(annotation).map(parse).transpose()
}

/// As [`json`], for what is changed and written back: it has to stay what it was.
pub(super) fn kept<T: DeserializeOwned>(
    object: &Object,
    annotation: &str,
) -> Result<Option<T>, String> {
    let wide = object.annotation(annotation).map(python::refuse_wide);
    wide.transpose().map_err(|why| explain(annotation, &why))?;
    json(object, annotation)
}

pub(super) fn explain(annotation: &str, why: &dyn Display) -> String {
    format!("annotation {annotation}: {why}")
}
