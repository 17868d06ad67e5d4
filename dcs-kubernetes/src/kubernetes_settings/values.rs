//! Values as Patroni's users write them: numbers and switches also as text,
//! lists also as text with commas.

use std::fmt::Display;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;

use crate::{InvalidName, Labels, Port, Protocol};

/// A value as an error shows it.
pub(super) fn shown(value: &Value) -> String {
    text(value).unwrap_or_else(|_| value.to_string())
}

pub(super) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err("use one value, no list and no map".to_owned()),
    }
}

/// A name that parses itself.
pub(super) fn name<T: FromStr<Err = InvalidName>>(value: &Value) -> Result<T, String> {
    text(value)?
        .parse()
        .map_err(|error: InvalidName| error.why.to_owned())
}

pub(super) fn label_value(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    match Labels::new([("label", &text)]) {
        Ok(_) => Ok(text),
        Err(error) => Err(error.why.to_owned()),
    }
}

pub(super) fn labels(value: &Value) -> Result<Labels, String> {
    let map = value.as_object().ok_or("use a map: {key: value}")?;
    let pairs = map.iter().map(|(key, value)| match value {
        Value::Null => Ok((key, String::new())),
        value => Ok((key, text(value)?)),
    });
    let pairs: Result<Vec<_>, String> = pairs.collect();
    Labels::new(pairs?).map_err(|error| format!("{} {:?}: {}", error.what, error.value, error.why))
}

pub(super) fn switch(value: &Value) -> Result<bool, String> {
    match &*text(value)?.to_ascii_lowercase() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("use true or false (or on, yes, 1, off, no, 0)".to_owned()),
    }
}

pub(super) fn address(value: &Value) -> Result<IpAddr, String> {
    text(value)?
        .parse()
        .map_err(|_| "use an IPv4 or IPv6 address".to_owned())
}

pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    text(value).map(PathBuf::from)
}

/// A number, a list of numbers, or a text with commas.
pub(super) fn statuses(value: &Value) -> Result<Vec<u16>, String> {
    let wrong =
        || "use HTTP statuses from 100 to 599: one, a list, or a text with commas".to_owned();
    let texts = match value {
        Value::Array(items) => items.iter().map(text).collect::<Result<_, _>>()?,
        value => text(value)?
            .split(',')
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    };
    let texts = texts.iter().map(|text| text.trim());
    let statuses = texts.filter(|text| !text.is_empty()).map(|text| {
        let status: u16 = text.parse().map_err(|_| wrong())?;
        (100..=599)
            .contains(&status)
            .then_some(status)
            .ok_or_else(wrong)
    });
    statuses.collect()
}

pub(super) fn ports(value: &Value) -> Result<Vec<Port>, String> {
    let items = value.as_array().ok_or("use a list: [{port: 5432}]")?;
    items.iter().map(port).collect()
}

/// What is null or empty says nothing, as in Patroni.
fn port(value: &Value) -> Result<Port, String> {
    let wrong = |why: &dyn Display| format!("{value} is no port: {why}");
    let fields = value
        .as_object()
        .ok_or_else(|| wrong(&"use a map with port, and name where there are several"))?;
    if let Some(field) = fields
        .keys()
        .find(|field| !matches!(&***field, "port" | "name" | "protocol"))
    {
        return Err(wrong(&format_args!(
            "{field:?} is neither port, name nor protocol"
        )));
    }
    let given = |field: &str| {
        let value = fields.get(field);
        value.filter(|value| !value.is_null() && value.as_str() != Some(""))
    };
    let protocol = match &*given("protocol").map_or(Ok("TCP".to_owned()), text)? {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        _ => return Err(wrong(&"use the protocol TCP, UDP or SCTP")),
    };
    let number = given("port").map_or(Ok(Port::DEFAULT.number().to_string()), text)?;
    let number = number.parse::<NonZeroU16>();
    let number = number.map_err(|_| wrong(&"use a number from 1 to 65535"))?;
    let port = Port::new(number).over(protocol);
    match given("name") {
        Some(name) => port.named(&text(name)?).map_err(|error| wrong(&error.why)),
        None => Ok(port),
    }
}
