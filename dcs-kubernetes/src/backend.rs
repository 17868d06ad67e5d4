//! The two backends. All that they do is in [`Store`]; what differs is in
//! [`Settings`](crate::settings::Settings).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Dcs, Entry, Error, FencingToken, Key, LeaderRecord, MemberName,
    MemberRecord, Outcome, Precondition, Scope, Snapshot, WatchStream,
};

use crate::Builder;
use crate::settings::Kind;
use crate::store::Store;
use crate::watch;

/// The keys of a scope in annotations of Endpoints.
///
/// The lock and the leader's address are one object: the write that makes a
/// member the leader also sends the clients there.
#[derive(Clone)]
pub struct EndpointsDcs(Arc<Store>);

/// The keys of a scope in annotations of `ConfigMaps`.
///
/// Traffic is routed by Services that select Pods by their role label
/// ([`RoleLabels`](crate::RoleLabels)). That label is a second write, after the
/// lock's: a member that is killed or cut off keeps it, beside its successor,
/// until somebody removes it. Endpoints mode has no such time.
#[derive(Clone)]
pub struct ConfigMapDcs(Arc<Store>);

impl EndpointsDcs {
    /// A builder of a handle on this scope.
    pub fn builder(scope: Scope) -> Builder<Self> {
        Builder::new(scope, Kind::Endpoints)
    }
}

impl ConfigMapDcs {
    /// A builder of a handle on this scope.
    pub fn builder(scope: Scope) -> Builder<Self> {
        Builder::new(scope, Kind::ConfigMap)
    }
}

macro_rules! backend {
    ($name:ident, $text:literal, $routes:literal) => {
        impl From<Store> for $name {
            fn from(store: Store) -> Self {
                Self(Arc::new(store))
            }
        }

        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl Dcs for $name {
            fn scope(&self) -> &Scope {
                &self.0.settings.scope
            }

            fn capabilities(&self) -> Capabilities {
                Capabilities::default()
                    .with_routes_traffic($routes)
                    .with_members_are_external(true)
            }

            async fn load(&self) -> Result<Snapshot, Error> {
                self.0.load().await
            }

            async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
                self.0.load_leader().await
            }

            async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
                self.0.write(change, expected).await
            }

            async fn fence(
                &self,
                key: &Key,
                token: FencingToken,
                expected: Precondition,
            ) -> Outcome {
                self.0.fence(key, token, expected).await
            }

            async fn put_member(&self, record: &MemberRecord) -> Outcome {
                self.0.put_member(record).await
            }

            async fn delete_member(&self, name: &MemberName) -> Outcome {
                self.0.delete_member(name).await
            }

            fn watch(&self, silence: Duration) -> WatchStream {
                watch::stream(Arc::clone(&self.0), silence)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let settings = &self.0.settings;
                write!(
                    f,
                    concat!($text, " {}/{}"),
                    settings.namespace,
                    settings.prefix()
                )
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name))
                    .field(&self.0.settings)
                    .finish()
            }
        }
    };
}
backend!(EndpointsDcs, "Endpoints", true);
backend!(ConfigMapDcs, "ConfigMaps", false);
