//! Refusals, worded as the real server words them.

use serde_json::{Map, Value, json};

use crate::kinds::Kind;

/// A request that is not carried out, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    reason: Option<&'static str>,
    message: String,
    details: Option<Box<Value>>,
    /// Where to go on after a list that expired.
    next: Option<String>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cause {
    reason: &'static str,
    message: String,
    field: String,
}

impl Cause {
    pub(crate) fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self::of(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {value}: {why}"),
        )
    }

    pub(crate) fn required(field: &str, why: &str) -> Self {
        let message = match why {
            "" => "Required value".to_owned(),
            why => format!("Required value: {why}"),
        };
        Self::of("FieldValueRequired", field, message)
    }

    pub(crate) fn too_long(field: &str, most: usize) -> Self {
        let message = format!("Too long: may not be more than {most} bytes");
        Self::of("FieldValueTooLong", field, message)
    }

    pub(crate) fn forbidden(field: &str, why: &str) -> Self {
        Self::of("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }

    pub(crate) fn unsupported(field: &str, value: &str, supported: &str) -> Self {
        let message = format!("Unsupported value: {value:?}: supported values: {supported}");
        Self::of("FieldValueNotSupported", field, message)
    }

    fn of(reason: &'static str, field: &str, message: String) -> Self {
        let field = field.to_owned();
        Self {
            reason,
            message,
            field,
        }
    }

    fn text(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }

    fn to_json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl Refusal {
    /// The `Status` object of the answer.
    pub(crate) fn to_json(&self) -> Value {
        let mut status = Map::new();
        status.insert("kind".into(), "Status".into());
        status.insert("apiVersion".into(), "v1".into());
        let metadata = match &self.next {
            Some(next) => json!({"continue": next}),
            None => json!({}),
        };
        status.insert("metadata".into(), metadata);
        status.insert("status".into(), "Failure".into());
        status.insert("message".into(), self.message.clone().into());
        if let Some(reason) = self.reason {
            status.insert("reason".into(), reason.into());
        }
        if let Some(details) = &self.details {
            status.insert("details".into(), (**details).clone());
        }
        status.insert("code".into(), self.code.into());
        status.into()
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::plain(401, "Unauthorized", "Unauthorized")
    }

    /// No such path.
    pub(crate) fn no_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::plain(404, "NotFound", message).with(json!({}))
    }

    pub(crate) fn not_found(kind: Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.resource());
        Self::plain(404, "NotFound", message).about(kind, name)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::plain(405, "MethodNotAllowed", message).with(json!({}))
    }

    pub(crate) fn not_acceptable(message: impl Into<String>) -> Self {
        Self::plain(406, "NotAcceptable", message)
    }

    pub(crate) fn no_such_media(message: impl Into<String>) -> Self {
        Self::not_acceptable(message).with(json!({}))
    }

    pub(crate) fn exists(kind: Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.resource());
        Self::plain(409, "AlreadyExists", message).about(kind, name)
    }

    pub(crate) fn conflict(kind: Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            kind.resource()
        );
        Self::plain(409, "Conflict", message).about(kind, name)
    }

    /// A deletion whose precondition failed names the kind, not the resource.
    pub(crate) fn not_deleted(kind: Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            kind.qualified()
        );
        Self::plain(409, "Conflict", message).with(details(name, kind, kind.facts().kind))
    }

    pub(crate) fn modified(kind: Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    pub(crate) fn expired(message: impl Into<String>, next: Option<String>) -> Self {
        Self {
            next,
            ..Self::plain(410, "Expired", message)
        }
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::plain(413, "RequestEntityTooLarge", message)
    }

    pub(crate) fn unsupported_media(message: impl Into<String>) -> Self {
        Self::plain(415, "UnsupportedMediaType", message).with(json!({}))
    }

    pub(crate) fn invalid(kind: Kind, name: &str, causes: &[Cause]) -> Self {
        let mut details = details(name, kind, kind.facts().kind);
        details["causes"] = causes.iter().map(Cause::to_json).collect();
        let message = format!(
            "{} {name:?} is invalid: {}",
            kind.qualified(),
            joined(causes)
        );
        Self::plain(422, "Invalid", message).with(details)
    }

    /// A kind that is not overwritten blindly is refused under its resource.
    pub(crate) fn needs_revision(kind: Kind, name: &str) -> Self {
        let cause = Cause::invalid(
            "metadata.resourceVersion",
            &0.into(),
            "must be specified for an update",
        );
        let mut details = details(name, kind, kind.facts().plural);
        details["causes"] = json!([cause.to_json()]);
        let message = format!("{} {name:?} is invalid: {}", kind.resource(), cause.text());
        Self::plain(422, "Invalid", message).with(details)
    }

    pub(crate) fn invalid_patch(why: &str) -> Self {
        let cause = Cause::of(
            "FieldValueInvalid",
            "patch",
            format!("Invalid value: {why}"),
        );
        let details = json!({"causes": [cause.to_json()]});
        let message = format!(" \"\" is invalid: {}", cause.text());
        Self::plain(422, "Invalid", message).with(details)
    }

    pub(crate) fn invalid_options(causes: &[Cause]) -> Self {
        let listed: Value = causes.iter().map(Cause::to_json).collect();
        let details = json!({"group": "meta.k8s.io", "kind": "ListOptions", "causes": listed});
        let message = format!(
            "ListOptions.meta.k8s.io \"\" is invalid: {}",
            joined(causes)
        );
        Self::plain(422, "Invalid", message).with(details)
    }

    pub(crate) fn terminating(kind: Kind, name: &str, namespace: &str) -> Self {
        let message = format!(
            "{} {name:?} is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            kind.resource()
        );
        let mut details = details(name, kind, kind.facts().plural);
        details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        Self::plain(403, "Forbidden", message).with(details)
    }

    /// RBAC's refusal.
    pub(crate) fn forbidden(kind: Kind, name: Option<&str>, what: &str) -> Self {
        let resource = kind.resource();
        let (subject, details) = match name {
            Some(name) => (
                format!("{resource} {name:?}"),
                details(name, kind, kind.facts().plural),
            ),
            None => (resource, details("", kind, kind.facts().plural)),
        };
        Self::plain(403, "Forbidden", format!("{subject} is forbidden: {what}")).with(details)
    }

    /// An error inside of the server, which has no reason.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            reason: None,
            ..Self::plain(500, "", message)
        }
    }

    /// What the real server does and this one does not.
    pub(crate) fn unsupported(what: &str) -> Self {
        let message = format!("dcs-fakeapi does not do {what}; a real API server may");
        Self::plain(501, "NotImplemented", message)
    }

    pub(crate) fn future(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self::plain(504, "Timeout", message).with(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }))
    }

    fn plain(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: Some(reason),
            message: message.into(),
            details: None,
            next: None,
        }
    }

    fn with(self, details: Value) -> Self {
        Self {
            details: Some(Box::new(details)),
            ..self
        }
    }

    fn about(self, kind: Kind, name: &str) -> Self {
        self.with(details(name, kind, kind.facts().plural))
    }
}

fn details(name: &str, kind: Kind, called: &str) -> Value {
    let mut details = Map::new();
    if !name.is_empty() {
        details.insert("name".into(), name.into());
    }
    if !kind.facts().group.is_empty() {
        details.insert("group".into(), kind.facts().group.into());
    }
    details.insert("kind".into(), called.into());
    details.into()
}

fn joined(causes: &[Cause]) -> String {
    let texts: Vec<String> = causes.iter().map(Cause::text).collect();
    match &*texts {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}
