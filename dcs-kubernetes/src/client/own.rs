//! A client of our own making, which is made again where its connections or
//! its credentials are in doubt.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Why the client that a request went through is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing listens there, or it is not who it should be.
    Unreached,
    /// The request went out and no answer came, or not all of it: other
    /// connections of that time are then no better.
    Unanswered,
    /// The credentials were refused.
    Denied,
}

/// One client at a time, with its pool of connections and its credentials.
pub(crate) struct Own {
    config: kube::Config,
    state: Mutex<State>,
}

struct State {
    client: kube::Client,
    made: Made,
    in_doubt: bool,
    /// Credentials that were just read were refused, too.
    still_denied: bool,
}

/// Which of the clients a request went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made(u64);

impl Made {
    pub(crate) const FIRST: Self = Self(0);
}

impl Own {
    /// # Errors
    /// Where no client can be made of the configuration.
    pub(crate) fn new(config: kube::Config) -> kube::Result<Self> {
        let client = kube::Client::try_from(config.clone())?;
        Ok(Self {
            config,
            state: Mutex::new(State {
                client,
                made: Made::FIRST,
                in_doubt: false,
                still_denied: false,
            }),
        })
    }

    pub(crate) const fn config(&self) -> &kube::Config {
        &self.config
    }

    /// The client for the next request. One in doubt is made again before that:
    /// the configuration's files and commands are then read anew. Where that
    /// fails, as while a token file is being replaced, the old one goes on.
    pub(crate) fn client(&self) -> (Made, kube::Client) {
        let mut state = self.state();
        if state.in_doubt {
            match kube::Client::try_from(self.config.clone()) {
                Ok(client) => {
                    state.client = client;
                    state.made = Made(state.made.0 + 1);
                    state.in_doubt = false;
                }
                Err(error) => {
                    tracing::debug!(%error, "the old connections and credentials stay in use");
                }
            }
        }
        (state.made, state.client.clone())
    }

    /// What a request through that client met.
    pub(crate) fn failed(&self, made: Made, trouble: Trouble) {
        let mut state = self.state();
        if state.made != made {
            return;
        }
        // Where nothing listens the next request has to connect anyway.
        state.in_doubt |= trouble != Trouble::Unreached;
    }

    /// A client with credentials that were read after those of `made` were
    /// refused. None where that did not help the last time either: each request
    /// would be sent twice for nothing. The next one has new ones in any case.
    pub(crate) fn after_denial(&self, made: Made) -> Option<(Made, kube::Client)> {
        self.failed(made, Trouble::Denied);
        if self.state().still_denied {
            return None;
        }
        let (next, client) = self.client();
        (next != made).then_some((next, client))
    }

    /// Whether a request was refused although its credentials were just read.
    pub(crate) fn denied_again(&self, denied: bool) {
        self.state().still_denied = denied;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}
