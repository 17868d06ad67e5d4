//! A client of our own making, which is made again where its connections or
//! its credentials are in doubt.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use futures_util::future::{self, BoxFuture, Either, FutureExt as _, Shared};
use kube::config::AuthInfo;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::credentials::{runs_a_command, settled};

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
#[derive(Clone)]
pub(crate) struct Own(Arc<Inner>);

struct Inner {
    config: kube::Config,
    state: Mutex<State>,
}

struct State {
    client: kube::Client,
    /// The credentials that it has.
    auth: AuthInfo,
    made: Made,
    in_doubt: bool,
    /// Credentials that were just read were refused, too.
    still_denied: bool,
    /// The next client, while its command runs.
    being_made: Option<Shared<BoxFuture<'static, ()>>>,
    /// It was waited for in vain, and no other request waits for it.
    is_late: bool,
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
        let auth = settled(&config)?;
        Self::with(config, auth)
    }

    /// Another server's, which begins with the credentials of this one: no
    /// command that brings a token runs for it before they are refused.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub(crate) fn of_server(&self, config: kube::Config) -> kube::Result<Self> {
        let auth = self.0.state().auth.clone();
        Self::with(config, auth)
    }

    fn with(config: kube::Config, auth: AuthInfo) -> kube::Result<Self> {
        let client = client(&config, &auth)?;
        Ok(Self(Arc::new(Inner {
            config,
            state: Mutex::new(State {
                client,
                auth,
                made: Made::FIRST,
                in_doubt: false,
                still_denied: false,
                being_made: None,
                is_late: false,
            }),
        })))
    }

    pub(crate) fn config(&self) -> &kube::Config {
        &self.0.config
    }

    /// The client for the next request. One in doubt is made again before that:
    /// the configuration's files and commands are then read anew. Where that
    /// fails, as while a token file is being replaced, or its command takes
    /// longer than `patience`, the old one goes on.
    pub(crate) async fn client(&self, patience: BoxFuture<'static, ()>) -> (Made, kube::Client) {
        let mut is_late = false;
        if let Some(being_made) = self.make_again() {
            let first = future::select(being_made, patience).await;
            is_late = matches!(first, Either::Right(_));
        }
        let mut state = self.0.state();
        state.is_late |= is_late && state.being_made.is_some();
        (state.made, state.client.clone())
    }

    /// What a request through that client met.
    pub(crate) fn failed(&self, made: Made, trouble: Trouble) {
        let mut state = self.0.state();
        if state.made != made {
            return;
        }
        // Where nothing listens the next request has to connect anyway.
        state.in_doubt |= trouble != Trouble::Unreached;
    }

    /// A client with credentials that were read after those of `made` were
    /// refused. None where that did not help the last time either: each request
    /// would be sent twice for nothing. The next one has new ones in any case.
    pub(crate) async fn after_denial(
        &self,
        made: Made,
        patience: BoxFuture<'static, ()>,
    ) -> Option<(Made, kube::Client)> {
        self.failed(made, Trouble::Denied);
        if self.0.state().still_denied {
            return None;
        }
        let (next, client) = self.client(patience).await;
        (next != made).then_some((next, client))
    }

    /// Whether a request was refused although its credentials were just read.
    pub(crate) fn denied_again(&self, denied: bool) {
        self.0.state().still_denied = denied;
    }

    /// Makes a client in doubt again. Files are read here and now. A command may
    /// never come to its end: what waits for that is a thread of its own, one at a
    /// time, and not one of the runtime's, which would then never end either.
    fn make_again(&self) -> Option<Shared<BoxFuture<'static, ()>>> {
        let mut state = self.0.state();
        // One that is over and still there has panicked.
        state.being_made.take_if(|made| made.peek().is_some());
        if state.being_made.is_some() || !state.in_doubt {
            return state.being_made.clone().filter(|_| !state.is_late);
        }
        state.is_late = false;
        if !runs_a_command(&self.0.config.auth_info) {
            state.takes(self.0.make());
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        let inner = Arc::clone(&self.0);
        let (made, is_made) = oneshot::channel::<()>();
        let thread = Builder::new().name("credentials".to_owned());
        let thread = thread.spawn(move || {
            let _entered = runtime.enter();
            let next = inner.make();
            let mut state = inner.state();
            (state.being_made, state.is_late) = (None, false);
            state.takes(next);
            drop(made);
        });
        if let Err(error) = thread {
            tracing::warn!(%error, "no thread for new credentials: the old ones stay in use");
            return None;
        }
        state.being_made = Some(is_made.map(|_| ()).boxed().shared());
        state.being_made.clone()
    }
}

impl Inner {
    /// A client with what the configuration's files and command say now.
    fn make(&self) -> kube::Result<(kube::Client, AuthInfo)> {
        let auth = settled(&self.config)?;
        Ok((client(&self.config, &auth)?, auth))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn takes(&mut self, made: kube::Result<(kube::Client, AuthInfo)>) {
        match made {
            Ok((client, auth)) => {
                (self.client, self.auth) = (client, auth);
                self.made = Made(self.made.0 + 1);
                self.in_doubt = false;
            }
            Err(error) => {
                tracing::debug!(%error, "the old connections and credentials stay in use");
            }
        }
    }
}

fn client(config: &kube::Config, auth: &AuthInfo) -> kube::Result<kube::Client> {
    let mut config = config.clone();
    config.auth_info = auth.clone();
    kube::Client::try_from(config)
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}
