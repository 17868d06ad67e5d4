//! The versions of the leader object: each by itself, and their course.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::labels;
use crate::support::api::annotation;
use crate::support::cluster::{Backend, Cluster};
use crate::support::recorder::Version;

/// Judges the versions of the lock from one creation on; returns the revisions
/// with which its terms begin.
pub(crate) fn judge_lock(cluster: &Cluster, life: &[Version]) -> Vec<u128> {
    let mut judge = Lock::default();
    for version in life {
        let (revision, object) = (version.revision, &version.object);
        eprintln!("{revision} {}", object["metadata"]["annotations"]);
        assert_eq!(object["metadata"]["labels"], labels(), "{object:#}");
        judge.format(cluster, object);
        judge.course(revision, object);
        match cluster.backend {
            Backend::Endpoints => assert_eq!(addresses(object), own_address(object)),
            Backend::ConfigMap => {
                let holds_data = !object["data"].is_null() || !object["binaryData"].is_null();
                assert!(!holds_data, "{object:#}");
            }
        }
    }
    let first = &life[0].object;
    assert_eq!(annotation(first, "leader"), None, "created and led at once");
    judge.terms
}

/// What was seen of the lock so far.
#[derive(Default)]
struct Lock {
    terms: Vec<u128>,
    /// Session and acquireTime of the terms that are over.
    over: BTreeSet<(String, String)>,
    current: Option<(String, String)>,
    attempts: BTreeSet<String>,
    revision: Option<u128>,
    renew_time: String,
    transitions: Option<u64>,
}

impl Lock {
    /// One version by itself.
    fn format(&mut self, cluster: &Cluster, object: &Value) {
        let ours = ["dcs.internal/claim", "dcs.internal/released"];
        let patronis = ["leader", "ttl", "renewTime", "acquireTime", "transitions"];
        let status = ["optime", "slots", "retain_slots", "failsafe"];
        let known: Vec<&str> = [&ours[..], &patronis, &status].concat();
        for key in object["metadata"]["annotations"]
            .as_object()
            .unwrap()
            .keys()
        {
            assert!(known.contains(&key.as_str()), "an annotation {key}");
        }
        let ttl = cluster.timing.ttl.as_secs().to_string();
        assert_eq!(annotation(object, "ttl"), Some(&*ttl));
        assert!(is_time(annotation(object, "renewTime").unwrap()));
        let transitions = annotation(object, "transitions").unwrap();
        let number: u64 = transitions.parse().unwrap();
        assert_eq!(number.to_string(), transitions);
        let Some(holder) = annotation(object, "leader") else {
            return;
        };
        assert!(is_time(annotation(object, "acquireTime").unwrap()));
        let claim = mark(object, "dcs.internal/claim").unwrap();
        assert_eq!(claim["holder"], holder);
        assert_eq!(claim["renewTime"], annotation(object, "renewTime").unwrap());
        let attempt = claim["attempt"].as_str().unwrap().to_owned();
        assert!(self.attempts.insert(attempt), "an attempt twice: {claim}");
    }

    /// One version after those before it.
    fn course(&mut self, revision: u128, object: &Value) {
        let renew_time = annotation(object, "renewTime").unwrap();
        let holder = annotation(object, "leader");
        // A release leaves the time of the version that it releases.
        let is_right = match holder {
            Some(_) => renew_time > self.renew_time.as_str(),
            None => renew_time >= self.renew_time.as_str(),
        };
        assert!(is_right, "{renew_time} after {}", self.renew_time);
        renew_time.clone_into(&mut self.renew_time);
        let transitions: u64 = annotation(object, "transitions").unwrap().parse().unwrap();
        let released = mark(object, "dcs.internal/released");
        let term = holder.map(|_| term_of(object));
        if term.is_some() {
            assert_eq!(released, None, "held and released: {object:#}");
        } else if let Some(released) = released {
            let before = self.revision.map(|before| before.to_string());
            assert_eq!(released["prev"].as_str(), before.as_deref());
        }
        if term == self.current || term.is_none() {
            let kept = self.transitions.is_none_or(|before| before == transitions);
            assert!(kept, "transitions change within a term: {object:#}");
        } else {
            let count = if self.terms.is_empty() {
                0
            } else {
                self.transitions.unwrap() + 1
            };
            assert_eq!(transitions, count, "{object:#}");
            self.terms.push(revision);
        }
        if term != self.current {
            self.over.extend(self.current.take());
        }
        let is_new = term.as_ref().is_none_or(|term| !self.over.contains(term));
        assert!(is_new, "a term that was over came back: {object:#}");
        self.current = term;
        self.transitions = Some(transitions);
        self.revision = Some(revision);
    }
}

fn term_of(object: &Value) -> (String, String) {
    let claim = mark(object, "dcs.internal/claim").unwrap();
    let session = claim["session"].as_str().unwrap().to_owned();
    (
        session,
        annotation(object, "acquireTime").unwrap().to_owned(),
    )
}

fn mark(object: &Value, key: &str) -> Option<Value> {
    annotation(object, key).map(|text| serde_json::from_str(text).unwrap())
}

fn addresses(object: &Value) -> Vec<String> {
    let subsets = object["subsets"].as_array();
    let ready = subsets.into_iter().flatten().flat_map(|subset| {
        assert!(subset["notReadyAddresses"].is_null(), "{subset}");
        assert_eq!(subset["ports"], json!([{"port": 5432, "protocol": "TCP"}]));
        subset["addresses"].as_array().unwrap()
    });
    ready
        .map(|address| address["ip"].as_str().unwrap().to_owned())
        .collect()
}

/// The holder's address, or none where nobody holds.
fn own_address(object: &Value) -> Vec<String> {
    let holder = annotation(object, "leader");
    let number = holder.map(|name| name.strip_prefix("demo-").unwrap());
    let number: Option<u8> = number.map(|number| number.parse().unwrap());
    number
        .map(|number| format!("192.0.2.{}", number + 1))
        .into_iter()
        .collect()
}

/// As Python's `isoformat` writes an instant in UTC.
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { 'd' } else { c })
        .collect();
    [
        "dddd-dd-ddTdd:dd:dd.dddddd+dd:dd",
        "dddd-dd-ddTdd:dd:dd+dd:dd",
    ]
    .contains(&&*shape)
        && text.ends_with("+00:00")
}
