//! The settings, one by one: how each is called and read.

use serde_json::Value;

use super::{KubernetesSettings, values};

/// One setting.
pub(super) struct Setting {
    pub(super) name: &'static str,
    text: Text,
    take: fn(&mut KubernetesSettings, &Value) -> Result<(), String>,
}

/// What the text of a variable holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Plain,
    Map,
    List,
}

macro_rules! setting {
    ($field:ident, $text:ident, $parse:expr) => {
        Setting {
            name: stringify!($field),
            text: Text::$text,
            take: |settings, value| {
                settings.$field = Some($parse(value)?);
                Ok(())
            },
        }
    };
}

/// All of them, in the order of Patroni's documentation.
pub(super) const ALL: [Setting; 16] = [
    setting!(namespace, Plain, values::name),
    setting!(labels, Map, values::labels),
    setting!(scope_label, Plain, values::name),
    setting!(role_label, Plain, values::name),
    setting!(leader_label_value, Plain, values::label_value),
    setting!(follower_label_value, Plain, values::label_value),
    setting!(standby_leader_label_value, Plain, values::label_value),
    setting!(tmp_role_label, Plain, values::name),
    setting!(bootstrap_labels, Map, values::labels),
    setting!(use_endpoints, Plain, values::switch),
    setting!(pod_ip, Plain, values::address),
    setting!(ports, List, values::ports),
    setting!(cacert, Plain, values::path),
    setting!(bypass_api_service, Plain, values::switch),
    setting!(retriable_http_codes, Plain, values::statuses),
    setting!(context, Plain, values::text),
];

impl Setting {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        const { &ALL }.iter().find(|setting| setting.name == name)
    }

    /// Its variables, the first of which wins.
    pub(super) fn environment(&self) -> Vec<String> {
        let name = self.name.to_uppercase();
        let mut names = vec![format!("PATRONI_KUBERNETES_{name}")];
        if self.name == "retriable_http_codes" {
            names.push(format!("PATRONI_{name}"));
        }
        names
    }

    /// Maps and lists may stand there without their braces.
    pub(super) fn parse_text(&self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        let yaml = match self.text {
            Text::Plain => return Ok(text.into()),
            Text::Map if !text.starts_with('{') => format!("{{{text}}}"),
            Text::List if !text.starts_with('-') && !text.starts_with('[') => format!("[{text}]"),
            Text::Map | Text::List => text.to_owned(),
        };
        serde_saphyr::from_str(&yaml)
            .map_err(|_| "it is no YAML: write {key: value, key: value} or [item, item]".to_owned())
    }

    pub(super) fn take(
        &self,
        settings: &mut KubernetesSettings,
        value: &Value,
    ) -> Result<(), String> {
        (self.take)(settings, value)
    }
}
