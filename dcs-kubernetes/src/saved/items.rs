//! The objects in saved lists, whatever kind of list they stand in.

use std::collections::BTreeMap;

use serde_json::Value;

use super::SavedError;
use crate::format::Object as Raw;
use crate::{Group, Mode};

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Keys(Mode),
    Pod,
}

/// One object of a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) sort: Sort,
    pub(super) raw: Raw,
    pub(super) labels: BTreeMap<String, String>,
}

impl Item {
    pub(super) fn is(&self, sort: Sort, name: &str) -> bool {
        self.sort == sort && self.raw.metadata.name == name
    }

    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    pub(super) fn group(&self) -> Option<String> {
        self.label(Group::LABEL).map(str::to_owned)
    }

    fn new(sort: Sort, object: &Value) -> Result<Self, SavedError> {
        let raw: Raw = serde_json::from_value(object.clone()).map_err(|why| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            SavedError::Object {
                name: shorten(name),
                why,
            }
        })?;
        let labels = object["metadata"]["labels"].as_object();
        let labels = labels.into_iter().flatten().filter_map(|(key, value)| {
            let value = value.as_str()?;
            Some((key.clone(), value.to_owned()))
        });
        Ok(Self {
            sort,
            raw,
            labels: labels.collect(),
        })
    }
}

/// Every object of a kind that matters, in all of these lists.
pub(super) fn all(lists: &[Value]) -> Result<Vec<Item>, SavedError> {
    let mut items = Vec::new();
    for list in lists {
        let kind = list["kind"].as_str();
        let not_a_list = || SavedError::NotAList {
            kind: kind.map(shorten),
        };
        let kind = kind.ok_or_else(not_a_list)?;
        if let Some(sort) = sort(kind) {
            items.push(Item::new(sort, list)?);
            continue;
        }
        let of_items = kind.strip_suffix("List").ok_or_else(not_a_list)?;
        let of_items = match (of_items, sort(of_items)) {
            ("", _) => None,
            (_, Some(sort)) => Some(sort),
            _ => return Err(not_a_list()),
        };
        // A list without items may say null.
        for object in list["items"].as_array().into_iter().flatten() {
            let own = || object["kind"].as_str().and_then(sort);
            if let Some(sort) = of_items.or_else(own) {
                items.push(Item::new(sort, object)?);
            }
        }
    }
    Ok(items)
}

fn sort(kind: &str) -> Option<Sort> {
    match kind {
        "Endpoints" => Some(Sort::Keys(Mode::Endpoints)),
        "ConfigMap" => Some(Sort::Keys(Mode::ConfigMap)),
        "Pod" => Some(Sort::Pod),
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
