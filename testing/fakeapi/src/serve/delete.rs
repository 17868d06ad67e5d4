//! delete: at once, or marked until the last finalizer is gone.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Asked, World};
use crate::kinds::Kind;
use crate::object::{self, meta};
use crate::print::Form;
use crate::status::Refusal;
use crate::store::Stored;

impl World<'_> {
    pub(super) fn delete(&mut self, asked: &Asked, form: Form) -> Result<Answer, Refusal> {
        asked.query.refuse_unsupported()?;
        let target = &asked.target;
        let kind = target.kind;
        let options = options(asked)?;
        let path = target.path();
        let Some(old) = self.store.get(kind, &path).cloned() else {
            return Err(Refusal::not_found(kind, target.name()));
        };
        check(asked, &options, &old)?;
        let grace = grace(asked, &options, &old.value);
        let stays =
            kind == Kind::Namespace || grace > 0 || !object::finalizers(&old.value).is_empty();
        if !stays {
            return Ok(self.remove_now(asked, form, &old));
        }
        if object::is_being_deleted(&old.value) {
            return Ok(Answer::Object(200, form.object(&old.value)));
        }
        let marked = self.marked(kind, &old.value, grace);
        let now = self.now();
        let stored = self.store.put(kind, &path, marked, now);
        Ok(Answer::Object(200, form.object(&stored.value)))
    }

    fn remove_now(&mut self, asked: &Asked, form: Form, old: &Stored) -> Answer {
        let (kind, path, now) = (asked.target.kind, asked.target.path(), self.now());
        let mut last = old.value.clone();
        // A Pod is marked first, also where nothing runs it.
        if kind == Kind::Pod && !object::is_being_deleted(&last) {
            let marked = self.marked(kind, &last, 0);
            last = self.store.put(kind, &path, marked, now).value.clone();
        }
        self.store.remove(kind, &path, now);
        let revision = self.store.revision();
        // The server takes the Endpoints of a Service along, whoever made them.
        if kind == Kind::Service {
            self.store.remove(Kind::Endpoints, &path, now);
        }
        if kind.facts().shows_deleted {
            last["metadata"]["resourceVersion"] = revision.to_string().into();
            return Answer::Object(200, form.object(&last));
        }
        let mut done = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {"name": asked.target.name()},
        });
        let details = &mut done["details"];
        if !kind.facts().group.is_empty() {
            details["group"] = kind.facts().group.into();
        }
        details["kind"] = kind.facts().plural.into();
        details["uid"] = old.value["metadata"]["uid"].clone();
        Answer::Object(200, Form::Whole.object(&done))
    }

    fn marked(&self, kind: Kind, old: &Value, grace: u64) -> Value {
        let mut object = old.clone();
        let metadata = &mut object["metadata"];
        metadata["deletionTimestamp"] = self.time.stamp(Duration::from_secs(grace)).into();
        if kind == Kind::Namespace {
            object["status"]["phase"] = "Terminating".into();
            return object;
        }
        metadata["deletionGracePeriodSeconds"] = grace.into();
        if let Some(generation) = metadata["generation"].as_u64() {
            metadata["generation"] = (generation + 1).into();
        }
        object
    }
}

/// The options in the body, or none.
fn options(asked: &Asked) -> Result<Value, Refusal> {
    if asked.body.is_empty() {
        return Ok(Value::Null);
    }
    let options: Value = serde_json::from_slice(&asked.body).map_err(|error| {
        Refusal::bad_request(format!(
            "couldn't get version/kind; json parse error: {error}"
        ))
    })?;
    if options["dryRun"]
        .as_array()
        .is_some_and(|dry| !dry.is_empty())
    {
        return Err(Refusal::unsupported("dry runs"));
    }
    let policy = match options["propagationPolicy"].as_str() {
        Some(policy) => policy,
        None => asked.query.get("propagationPolicy"),
    };
    if matches!(policy, "Foreground" | "Orphan") {
        return Err(Refusal::unsupported(
            "deletions that wait for dependents, or orphan them",
        ));
    }
    Ok(options)
}

fn check(asked: &Asked, options: &Value, old: &Stored) -> Result<(), Refusal> {
    let (kind, name) = (asked.target.kind, asked.target.name());
    let wanted = &options["preconditions"];
    let uid = meta(&old.value, "uid").unwrap_or_default();
    if let Some(wanted) = wanted["uid"].as_str().filter(|wanted| *wanted != uid) {
        return Err(Refusal::not_deleted(
            kind,
            name,
            &format!(
                "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
            ),
        ));
    }
    let revision = old.revision.to_string();
    if let Some(wanted) = wanted["resourceVersion"]
        .as_str()
        .filter(|wanted| *wanted != revision)
    {
        return Err(Refusal::not_deleted(
            kind,
            name,
            &format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({revision}). The object might have been modified"
            ),
        ));
    }
    Ok(())
}

/// Seconds that a Pod on a node has to end in.
fn grace(asked: &Asked, options: &Value, pod: &Value) -> u64 {
    if asked.target.kind != Kind::Pod || !pod["spec"]["nodeName"].is_string() {
        return 0;
    }
    let asked_for = options["gracePeriodSeconds"].as_u64();
    let asked_for = asked_for.or_else(|| asked.query.get("gracePeriodSeconds").parse().ok());
    asked_for
        .or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_u64())
        .unwrap_or(30)
}
