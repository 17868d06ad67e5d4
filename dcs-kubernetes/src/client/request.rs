//! The requests: URL, headers and body, nothing else. Every name in them was
//! validated before it came here.

use http::{Method, header};
use kube::client::Body;
use serde_json::Value;

use crate::settings::{Collection, Settings};

/// Entries of one page of a list, unless they are large.
pub(crate) const PAGE: usize = 500;

const OBJECT: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const WHOLE: &str = "application/json";
const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";

/// One request to the API server, before headers that are the same in all.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) collection: Collection,
    /// The object; empty for a whole collection.
    pub(crate) name: String,
    query: String,
    body: Option<Value>,
    /// Whether the whole object is asked for, and not its metadata only.
    whole: bool,
}

impl Call {
    pub(crate) const fn get(collection: Collection, name: String) -> Self {
        Self {
            method: Method::GET,
            collection,
            name,
            query: String::new(),
            body: None,
            whole: false,
        }
    }

    /// Without a resourceVersion: a read that sees all that was acknowledged.
    pub(crate) fn list(
        settings: &Settings,
        collection: Collection,
        page: usize,
        next: Option<&str>,
    ) -> Self {
        let selector = selector(settings);
        let next = next.map_or_else(String::new, |next| format!("&continue={}", escape(next)));
        let query = format!("{selector}&limit={page}{next}");
        Self {
            query,
            ..Self::get(collection, String::new())
        }
    }

    pub(crate) fn watch(
        settings: &Settings,
        collection: Collection,
        from: dcs_core::Revision,
        seconds: u64,
    ) -> Self {
        let selector = selector(settings);
        let query = format!(
            "{selector}&watch=true&resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds={seconds}"
        );
        Self {
            query,
            ..Self::get(collection, String::new())
        }
    }

    pub(crate) const fn create(collection: Collection, body: Value) -> Self {
        Self {
            method: Method::POST,
            collection,
            name: String::new(),
            query: String::new(),
            body: Some(body),
            whole: false,
        }
    }

    /// A strategic merge patch. With `metadata.resourceVersion` in the body the
    /// server refuses it unless the object stands there, and never creates one.
    pub(crate) const fn patch(collection: Collection, name: String, body: Value) -> Self {
        Self {
            method: Method::PATCH,
            collection,
            name,
            query: String::new(),
            body: Some(body),
            whole: false,
        }
    }

    /// The same request for the whole object.
    pub(crate) const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// The verb that a Role must grant.
    pub(crate) fn verb(&self) -> &'static str {
        let whole = self.name.is_empty();
        match self.method {
            Method::POST => "create",
            Method::PATCH => "patch",
            _ if self.query.contains("watch=true") => "watch",
            _ if whole => "list",
            _ => "get",
        }
    }

    pub(crate) fn to_http(
        &self,
        settings: &Settings,
        user_agent: Option<&http::HeaderValue>,
    ) -> http::Result<http::Request<Body>> {
        let accept = match self.verb() {
            "list" => LIST,
            _ if self.whole => WHOLE,
            _ => OBJECT,
        };
        let mut uri = format!(
            "/api/v1/namespaces/{}/{}",
            settings.namespace,
            self.collection.plural()
        );
        if !self.name.is_empty() {
            uri.push('/');
            uri.push_str(&self.name);
        }
        if !self.query.is_empty() {
            uri.push('?');
            uri.push_str(&self.query);
        }
        let mut request = http::Request::builder()
            .uri(uri)
            .header(header::ACCEPT, accept)
            // A compressed watch holds lines back, and a compressed body has no bound.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(user_agent) = user_agent {
            request = request.header(header::USER_AGENT, user_agent);
        }
        let content_type = match self.method {
            Method::PATCH => Some(STRATEGIC_MERGE),
            Method::POST => Some("application/json"),
            _ => None,
        };
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let body = self.body.as_ref().map_or_else(Body::empty, |body| {
            Body::from(body.to_string().into_bytes())
        });
        request.method(self.method.clone()).body(body)
    }
}

fn selector(settings: &Settings) -> String {
    format!("labelSelector={}", escape(&settings.labels.to_string()))
}

fn escape(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_stays_within_its_parameter() {
        assert_eq!(
            escape("application=dcs,x/y=a_b.c-d"),
            "application%3Ddcs%2Cx%2Fy%3Da_b.c-d"
        );
        assert_eq!(escape("a&b=c#d\u{e9}"), "a%26b%3Dc%23d%C3%A9");
    }
}
