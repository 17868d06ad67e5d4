//! create, update and patch.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Answer, Asked, World};
use crate::kinds::Kind;
use crate::object::{self, meta};
use crate::patch::{self, Format};
use crate::print::Form;
use crate::status::Refusal;
use crate::store::Stored;
use crate::target::Target;

impl World<'_> {
    pub(super) fn create(&mut self, asked: &Asked, form: Form) -> Result<Answer, Refusal> {
        asked.query.refuse_unsupported()?;
        form.check(asked.target.kind, false)?;
        let object = decoded(asked)?;
        self.insert(&asked.target, object, form)
    }

    pub(super) fn update(&mut self, asked: &Asked, form: Form) -> Result<Answer, Refusal> {
        asked.query.refuse_unsupported()?;
        form.check(asked.target.kind, false)?;
        let target = &asked.target;
        let object = decoded(asked)?;
        check_name(target, &object)?;
        let old = self.store.get(target.kind, &target.path()).cloned();
        let can_create = target.kind.facts().put_creates && !target.is_status;
        if let Some(given) = meta(&object, "uid")
            && (old.is_some() || can_create)
        {
            let own = old
                .as_ref()
                .and_then(|old| meta(&old.value, "uid"))
                .unwrap_or_default();
            if given != own {
                return Err(Refusal::conflict(
                    target.kind,
                    target.name(),
                    &format!(
                        "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, UID in object meta: {own}",
                        registry(target.kind),
                        target.path()
                    ),
                ));
            }
        }
        let Some(old) = old else {
            if can_create {
                given_revision(&object)?;
                let mut object = object;
                object["metadata"]["resourceVersion"] = Value::Null;
                return self.insert(target, object, form);
            }
            return Err(Refusal::not_found(target.kind, target.name()));
        };
        self.replace(target, &old, object, form)
    }

    pub(super) fn patch(&mut self, asked: &Asked, form: Form) -> Result<Answer, Refusal> {
        asked.query.refuse_unsupported()?;
        let target = &asked.target;
        let content_type = asked.headers.get(http::header::CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let format = Format::of(content_type)?;
        form.check(target.kind, false)?;
        let old = self.store.get(target.kind, &target.path()).cloned();
        let old = old.ok_or_else(|| Refusal::not_found(target.kind, target.name()))?;
        let object = patch::applied(target.kind, &old.value, &asked.body, format)?;
        check_name(target, &object)?;
        check_namespace(target, &object)?;
        self.replace(target, &old, object, form)
    }

    fn insert(
        &mut self,
        target: &Target,
        mut object: Value,
        form: Form,
    ) -> Result<Answer, Refusal> {
        let kind = target.kind;
        if meta(&object, "name").is_none()
            && let Some(base) = meta(&object, "generateName")
        {
            let base: String = base.chars().take(58).collect();
            let name = format!("{base}{}", self.suffix());
            object["metadata"]["name"] = name.into();
        }
        let name = meta(&object, "name").unwrap_or_default().to_owned();
        self.check_home(target, &name)?;
        let given_revision = meta(&object, "resourceVersion").is_some();
        if let Some(namespace) = &target.namespace {
            object["metadata"]["namespace"] = namespace.clone().into();
        }
        if kind.facts().has_status
            && let Some(fields) = object.as_object_mut()
        {
            fields.shift_remove("status");
        }
        object::fill_in(kind, &mut object, None);
        let mut object = object::typed(kind, &object).map_err(Refusal::bad_request)?;
        let stamp = self.time.stamp(Duration::ZERO);
        object::created(kind, &mut object, self.uid(), stamp);
        let causes = object::invalid_new(kind, &object);
        if !causes.is_empty() {
            return Err(Refusal::invalid(kind, &name, &causes));
        }
        if given_revision {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(Refusal::internal(why));
        }
        let path = target.path_of(&name);
        if self.store.get(kind, &path).is_some() {
            return Err(Refusal::exists(kind, &name));
        }
        let now = self.now();
        let stored = self.store.put(kind, &path, object, now);
        Ok(Answer::Object(201, form.object(&stored.value)))
    }

    fn replace(
        &mut self,
        target: &Target,
        old: &Arc<Stored>,
        mut object: Value,
        form: Form,
    ) -> Result<Answer, Refusal> {
        let (kind, name) = (target.kind, target.name());
        check_revision(target, old, &object)?;
        if let Some(namespace) = &target.namespace {
            object["metadata"]["namespace"] = namespace.clone().into();
        }
        keep_other_half(target, &mut object, &old.value);
        object::fill_in(kind, &mut object, Some(&old.value));
        let mut object = object::typed(kind, &object).map_err(Refusal::bad_request)?;
        object::kept(kind, &mut object, &old.value);
        let causes = object::invalid_update(kind, &object, &old.value);
        if !causes.is_empty() {
            return Err(Refusal::invalid(kind, name, &causes));
        }
        let path = target.path();
        let now = self.now();
        // The last finalizer is gone: so is the object, and this is how it was.
        if object::is_being_deleted(&object)
            && object::finalizers(&object).is_empty()
            && kind != Kind::Namespace
            && !has_grace(&object)
        {
            self.store.remove(kind, &path, now);
            return Ok(Answer::Object(200, form.object(&object)));
        }
        if object == old.value {
            return Ok(Answer::Object(200, form.object(&old.value)));
        }
        let stored = self.store.put(kind, &path, object, now);
        Ok(Answer::Object(200, form.object(&stored.value)))
    }

    /// New objects need a namespace that is there to stay.
    fn check_home(&self, target: &Target, name: &str) -> Result<(), Refusal> {
        let Some(namespace) = &target.namespace else {
            return Ok(());
        };
        let Some(home) = self.store.get(Kind::Namespace, namespace) else {
            return Err(Refusal::not_found(Kind::Namespace, namespace));
        };
        if object::is_being_deleted(&home.value) {
            return Err(Refusal::terminating(target.kind, name, namespace));
        }
        Ok(())
    }
}

fn has_grace(object: &Value) -> bool {
    object["metadata"]["deletionGracePeriodSeconds"]
        .as_u64()
        .unwrap_or(0)
        > 0
}

/// The object of a body.
fn decoded(asked: &Asked) -> Result<Value, Refusal> {
    let (target, facts) = (&asked.target, asked.target.kind.facts());
    let value: Value = serde_json::from_slice(&asked.body).map_err(|error| {
        Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {error} ({})",
            facts.kind, excerpt(&asked.body)
        ))
    })?;
    let value = match value {
        Value::Null => Value::Object(Map::new()),
        value => value,
    };
    let own = |field: &str, own: &str| {
        value[field]
            .as_str()
            .is_none_or(|given| given.is_empty() || given == own)
    };
    if !own("kind", facts.kind) || !own("apiVersion", &target.kind.api_version()) {
        return Err(Refusal::bad_request(format!(
            "{0} in version \"v1\" cannot be handled as a {1}: converting (v1.{0}) to (core.{1}): unknown conversion",
            value["kind"].as_str().unwrap_or(facts.kind),
            facts.kind
        )));
    }
    let object = object::typed(target.kind, &value).map_err(|why| {
        Refusal::bad_request(format!(
            "{0} in version \"v1\" cannot be handled as a {0}: {why}",
            facts.kind
        ))
    })?;
    check_namespace(target, &object)?;
    Ok(object)
}

fn excerpt(body: &[u8]) -> String {
    if body.is_empty() {
        return "<empty>".to_owned();
    }
    String::from_utf8_lossy(&body[..body.len().min(64)]).into_owned()
}

fn check_namespace(target: &Target, object: &Value) -> Result<(), Refusal> {
    let given = meta(object, "namespace");
    if given.is_some() && given != target.namespace.as_deref() {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

fn check_name(target: &Target, object: &Value) -> Result<(), Refusal> {
    let own = target.name();
    match meta(object, "name") {
        Some(given) if given == own => Ok(()),
        Some(given) => Err(Refusal::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({own})"
        ))),
        None => Err(Refusal::bad_request(format!(
            "the name of the object ({own} based on URL) was undeterminable: name must be provided"
        ))),
    }
}

/// Where etcd has the objects of a kind.
fn registry(kind: Kind) -> &'static str {
    match kind {
        Kind::Service => "services/specs",
        Kind::Endpoints => "services/endpoints",
        other => other.facts().plural,
    }
}

/// The compare of compare-and-swap.
fn check_revision(target: &Target, old: &Stored, object: &Value) -> Result<(), Refusal> {
    let (kind, name) = (target.kind, target.name());
    match given_revision(object)? {
        0 if kind.facts().put_overwrites => Ok(()),
        0 => Err(Refusal::needs_revision(kind, name)),
        given if given == old.revision => Ok(()),
        _ => Err(Refusal::modified(kind, name)),
    }
}

/// The revision that the object says it is based on; 0 where it says none.
fn given_revision(object: &Value) -> Result<u64, Refusal> {
    let Some(text) = meta(object, "resourceVersion") else {
        return Ok(0);
    };
    text.parse().map_err(|_| {
        Refusal::internal(format!(
            "strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

/// A write of the object leaves its status alone, and the other way round.
fn keep_other_half(target: &Target, object: &mut Value, old: &Value) {
    if !target.kind.facts().has_status {
        return;
    }
    let other = if target.is_status { "spec" } else { "status" };
    object[other] = old[other].clone();
    if target.is_status && target.kind == Kind::Pod {
        object["metadata"]["ownerReferences"] = old["metadata"]["ownerReferences"].clone();
    }
}
