//! get and list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Answer, Asked, World};
use crate::print::Form;
use crate::query::Freshness;
use crate::status::Refusal;
use crate::store::{Stored, View};

const EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
const FORGOTTEN: &str = "The resourceVersion for the provided list is too old.";

impl World<'_> {
    pub(super) fn get(&mut self, asked: &Asked, form: Form) -> Result<Answer, Refusal> {
        let target = &asked.target;
        let wanted = asked.query.revision().map_err(Refusal::internal)?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted > self.visible) {
            return Err(Refusal::future(wanted, self.visible));
        }
        let path = target.path();
        let found = if self.visible == self.store.revision() {
            self.store.get(target.kind, &path).cloned()
        } else {
            self.view(asked, self.visible)?.remove(&path)
        };
        let found = found.ok_or_else(|| Refusal::not_found(target.kind, target.name()))?;
        form.check(target.kind, false)?;
        Ok(Answer::Object(200, form.object(&found.value)))
    }

    pub(super) fn list(&mut self, asked: &Asked, form: Form) -> Result<Answer, Refusal> {
        let (query, kind) = (&asked.query, asked.target.kind);
        let selector = query.selector()?;
        let limit = query.number("limit")?;
        query.check_list()?;
        selector.check(kind)?;
        let freshness = query.freshness(limit)?;
        let page = self.page(asked, freshness, limit)?;
        let view = self
            .view(asked, page.revision)
            .map_err(|refusal| match &page.after {
                Some(after) => Refusal::expired(EXPIRED, Some(token(None, after))),
                None => refusal,
            })?;
        form.check(kind, true)?;
        let after = |path: &str| page.after.as_deref().is_none_or(|after| path > after);
        let own = |stored: &&Stored| asked.target.holds(&stored.path) && after(&stored.path);
        let mut rest = view.values().map(|stored| &**stored).filter(own);
        let chosen = rest
            .by_ref()
            .filter(|stored| selector.matches(&stored.value));
        let items: Vec<&Stored> = match page.limit {
            0 => chosen.collect(),
            limit => chosen.take(limit).collect(),
        };
        // What is left counts whether or not it is selected: a page that was
        // filled says that there may be more.
        let left = if selector.is_of_one_name() {
            0
        } else {
            rest.count()
        };
        let mut metadata = json!({"resourceVersion": page.revision.to_string()});
        if let (Some(last), 1..) = (items.last(), left) {
            metadata["continue"] = token(Some(page.revision), &last.path).into();
            if selector.is_empty() {
                metadata["remainingItemCount"] = left.into();
            }
        }
        Ok(Answer::Object(200, form.list(kind, &metadata, &items)))
    }

    fn view(&self, asked: &Asked, revision: u64) -> Result<View, Refusal> {
        let view = self.store.view_at(asked.target.kind, revision);
        view.ok_or_else(|| Refusal::expired(FORGOTTEN, None))
    }

    fn page(&self, asked: &Asked, freshness: Freshness, limit: u64) -> Result<Page, Refusal> {
        let newest = Page {
            revision: self.visible,
            after: None,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let next = asked.query.get("continue");
        if !next.is_empty() {
            if asked.query.get("resourceVersion").parse() != Ok(0_u64)
                && !asked.query.get("resourceVersion").is_empty()
            {
                let why = "specifying resource version is not allowed when using continue";
                return Err(Refusal::bad_request(why));
            }
            let (revision, after) = position(next).ok_or_else(|| {
                Refusal::bad_request("invalid continue token: continue key is not valid")
            })?;
            let revision = revision.unwrap_or(self.visible);
            return Ok(Page {
                revision,
                after: Some(after),
                ..newest
            });
        }
        match freshness {
            Freshness::NotOlderThan(revision) | Freshness::Exact(revision)
                if revision > self.visible =>
            {
                Err(Refusal::future(revision, self.visible))
            }
            Freshness::Newest | Freshness::NotOlderThan(_) => Ok(newest),
            // The cache does not cut its answers into pages.
            Freshness::Any => Ok(Page { limit: 0, ..newest }),
            Freshness::Exact(revision) => Ok(Page { revision, ..newest }),
        }
    }
}

/// A part of a list.
struct Page {
    revision: u64,
    /// The object that the page before ended with.
    after: Option<String>,
    /// No limit where it is zero.
    limit: usize,
}

/// Where to go on; without a revision, in whatever is there then.
fn token(revision: Option<u64>, after: &str) -> String {
    let revision = revision.map_or_else(|| json!(-1), Value::from);
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": format!("{after}\u{0}")});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn position(token: &str) -> Option<(Option<u64>, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    let after = token["start"]
        .as_str()?
        .trim_end_matches('\u{0}')
        .to_owned();
    let revision = match token["rv"].as_i64()? {
        -1 => None,
        revision => Some(u64::try_from(revision).ok()?),
    };
    Some((revision, after))
}
