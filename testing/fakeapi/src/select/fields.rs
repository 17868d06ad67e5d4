//! fieldSelector: `metadata.name=a,metadata.namespace!=b`, and the few fields
//! more that a kind has.

use serde_json::Value;

use crate::kinds::Kind;

#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<Term>);

#[derive(Clone, Debug)]
struct Term {
    path: Vec<String>,
    equals: bool,
    value: String,
}

const POD: [&str; 8] = [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let terms = text.split(',').filter(|term| !term.is_empty());
        let mut parsed = Vec::new();
        for term in terms {
            let (field, equals, value) = split(term)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{term}'"))?;
            if field.is_empty() && value.is_empty() {
                continue;
            }
            parsed.push(Term {
                path: field.split('.').map(str::to_owned).collect(),
                equals,
                value: value.to_owned(),
            });
        }
        Ok(Self(parsed))
    }

    /// Whether the kind can be selected by these fields.
    pub(super) fn check(&self, kind: Kind) -> Result<(), String> {
        for term in &self.0 {
            let field = term.path.join(".");
            if !is_known(kind, &field) {
                let only = if kind.facts().namespaced {
                    "\"metadata.name\", \"metadata.namespace\""
                } else {
                    "\"metadata.name\""
                };
                return Err(format!(
                    "{field:?} is not a known field selector: only {only}"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|term| {
            let found = term.path.iter().try_fold(object, |at, part| at.get(part));
            let found = found.and_then(Value::as_str).unwrap_or_default();
            (found == term.value) == term.equals
        })
    }

    pub(super) fn is_of_one_name(&self) -> bool {
        let mut terms = self.0.iter();
        terms.any(|term| term.equals && term.path == ["metadata", "name"])
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn split(term: &str) -> Option<(&str, bool, &str)> {
    if let Some((field, value)) = term.split_once("!=") {
        return Some((field, false, value));
    }
    let (field, value) = term.split_once("==").or_else(|| term.split_once('='))?;
    Some((field, true, value))
}

fn is_known(kind: Kind, field: &str) -> bool {
    match field {
        "metadata.name" => true,
        "metadata.namespace" => kind.facts().namespaced,
        "status.phase" if kind == Kind::Namespace => true,
        "spec.clusterIP" | "spec.type" => kind == Kind::Service,
        field => kind == Kind::Pod && POD.contains(&field),
    }
}
