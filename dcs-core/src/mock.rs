//! A scripted store for unit tests of code that calls one, made by mockall. For
//! a store that *behaves* take `dcs-memory`.

use std::fmt;

pub use crate::dcs::MockDcs;

impl fmt::Display for MockDcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mocked store")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Committed, Config, Dcs, DcsExt, EditError, Entry, Error, Key, Outcome, Revision, Scope,
        Snapshot,
    };

    fn conflict() -> Outcome {
        Outcome::NotCommitted(Error::Conflict {
            key: Key::Config,
            found: None,
        })
    }

    fn ttl() -> Config {
        r#"{"ttl":30}"#.parse().unwrap()
    }

    #[tokio::test]
    async fn an_edit_that_loses_a_race_reads_again_and_decides_anew() {
        let mut dcs = MockDcs::new();
        let mut reads = 0;
        dcs.expect_load().times(2).returning(move || {
            reads += 1;
            let config = format!(r#"{{"reads":{reads}}}"#).parse().unwrap();
            let config = Entry::present(Revision::new(reads).unwrap(), config);
            Ok(Snapshot {
                config,
                ..Snapshot::default()
            })
        });
        dcs.expect_write()
            .times(2)
            .returning(|_, expected| match expected.revision() {
                Some(revision) if revision.get() == 2 => {
                    Outcome::Committed(Committed::new(revision))
                }
                _ => conflict(),
            });
        assert_eq!(
            dcs.edit_config(|_| Some(ttl())).await.unwrap(),
            Revision::new(2)
        );
    }

    #[tokio::test]
    async fn an_edit_that_always_loses_gives_up_with_an_error() {
        let mut dcs = MockDcs::new();
        dcs.expect_load().returning(|| Ok(Snapshot::default()));
        dcs.expect_write().times(16).returning(|_, _| conflict());
        let error = dcs.edit_config(|_| Some(ttl())).await.unwrap_err();
        assert!(
            matches!(error, EditError::Contended { tries: 16, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_edit_of_unknown_outcome_is_not_sent_again() {
        let mut dcs = MockDcs::new();
        dcs.expect_load()
            .times(1)
            .returning(|| Ok(Snapshot::default()));
        let after = Duration::from_secs(1);
        dcs.expect_write().times(1).returning(move |_, _| {
            Outcome::Unknown(Error::Timeout {
                backend: "mock",
                after,
            })
        });
        assert!(matches!(
            dcs.edit_config(|_| Some(ttl())).await,
            Err(EditError::Write { .. })
        ));
    }

    #[tokio::test]
    async fn a_malformed_config_is_not_overwritten() {
        let mut dcs = MockDcs::new();
        dcs.expect_load().times(1).returning(|| {
            let mut snapshot = Snapshot::default();
            snapshot.config.value = crate::Value::Malformed("no JSON".into());
            Ok(snapshot)
        });
        let error = dcs.edit_config(|_| Some(ttl())).await.unwrap_err();
        assert!(matches!(
            error,
            EditError::Read {
                source: Error::Malformed { .. },
                ..
            }
        ));
    }

    #[tokio::test]
    async fn a_failover_request_that_is_gone_is_not_consumed_again() {
        let mut dcs = MockDcs::new();
        dcs.expect_load().returning(|| Ok(Snapshot::default()));
        dcs.expect_write().times(1).returning(|_, _| conflict());
        let seen = Entry::present(Revision::new(1).unwrap(), crate::Failover::default());
        assert!(!dcs.consume_failover(&seen).await.unwrap());
    }

    #[test]
    fn a_mock_is_a_trait_object() {
        let mut dcs = MockDcs::new();
        let scope: Scope = "demo".parse().unwrap();
        dcs.expect_scope().return_const(scope);
        let dcs: std::sync::Arc<dyn Dcs> = std::sync::Arc::new(dcs);
        assert_eq!(dcs.scope().as_str(), "demo");
    }
}
