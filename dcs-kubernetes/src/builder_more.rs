//! What a builder is told about answers, servers, and its own address.

use dcs_core::{Dcs, LeaderRecord, MemberName, Value};

use crate::builder::PodIp;
use crate::store::Store;
use crate::{BuildError, Builder, EndpointsDcs};

#[expect(private_bounds, reason = "only this crate's two backends can be built")]
impl<D: From<Store> + Dcs> Builder<D> {
    /// Looks, with one read, whether somebody holds the lock of this scope in
    /// the other mode: Endpoints and `ConfigMaps` are two locks, and members in
    /// both have two leaders. Ask before the first member joins a scope;
    /// whether the other mode is joined later is for who deploys the members.
    ///
    /// An API server that does not answer, or may not be asked that, is no
    /// reason to fail: the member may have to wait for it.
    ///
    /// # Errors
    /// [`BuildError::OtherMode`] where somebody does,
    /// [`BuildError::OtherModeUnreadable`] where what stands there cannot be read,
    /// or the setting that is wrong.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn refuse_other_mode(&self, config: &kube::Config) -> Result<(), BuildError> {
        let mode = self.mode().other();
        let there = self.reader_in(mode).build(config.clone())?;
        let scope = self.scope().clone();
        match there.load_leader().await.map(|entry| entry.value) {
            Ok(Value::Present(LeaderRecord {
                holder: Some(holder),
                ..
            })) => Err(BuildError::OtherMode {
                scope,
                mode,
                holder,
            }),
            Ok(Value::Malformed(why)) => Err(BuildError::OtherModeUnreadable { scope, mode, why }),
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, "whether the scope lives in the other mode is not known");
                Ok(())
            }
        }
    }
}

impl<D> Builder<D> {
    /// Statuses that are taken for passing trouble, beside 408, 429 and all
    /// 5xx: a read that meets one is tried again as if the API server had been
    /// away. What a write with such an answer did is judged as without it: a
    /// 403 proves that nothing was written, listed or not.
    pub fn retriable_http_codes(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.retriable = statuses.into_iter().collect();
        self
    }

    /// Whether the API servers are talked to directly, at the addresses of the
    /// Endpoints `kubernetes` in the namespace `default`, and not through their
    /// Service or load balancer. Off by default.
    ///
    /// One server is used until it fails; the next requests then go to the next
    /// one, at last through the Service again. No request is ever sent twice.
    /// The certificate of each has to name the host of the cluster's
    /// configuration, as without the bypass. It takes the right to get that
    /// one object; where that is refused, the bypass is off.
    ///
    /// Only for handles made by [`build`](Self::build) or
    /// [`connect`](Self::connect): a client of the caller's making knows one
    /// way only.
    pub fn bypass_api_service(mut self, wanted: bool) -> Self {
        self.bypass = wanted;
        self
    }

    pub(crate) fn speaking_for(mut self, member: Option<MemberName>) -> Self {
        self.member = member;
        self
    }
}

impl Builder<EndpointsDcs> {
    /// The address at which clients reach this handle's member is that of its
    /// own Pod, as the API server says it when the member writes its key. A
    /// leader that has not done so yet leads without an address.
    pub fn pod_ip_of_own_pod(mut self) -> Self {
        self.pod_ip = PodIp::OwnPod;
        self
    }
}
