//! The addresses that go with the writes of the lock.

use dcs_core::{LeaderWrite, MemberName, Precondition, Revision};
use serde_json::Value;

use crate::format::Object as Raw;
use crate::own_pod::OwnPod;
use crate::settings::Address;
use crate::store::Store;
use crate::subsets::{self, Subset, Wanted};

impl Store {
    /// What goes with a write of the lock as `subsets`: in the same write, so
    /// that no revision exists in which the holder and the address differ.
    /// `None` where nothing need be sent, and in `ConfigMap` mode.
    pub(crate) fn subsets(
        &self,
        write: &LeaderWrite,
        expected: Precondition,
    ) -> Result<Option<Value>, String> {
        let Some(address) = &self.settings.address else {
            return Ok(None);
        };
        let seen = self.memory.subsets_at(expected);
        let seen = seen.as_deref();
        let Some(holder) = &write.record.holder else {
            return Ok(subsets::to_send(None, seen));
        };
        let own = self.settings.member.as_ref();
        if own != Some(holder) {
            return Err(format!(
                "the address that goes with the lock is {}'s, not {holder}'s: write through the holder's own handle",
                own.map_or("nobody", |own| own.as_str()),
            ));
        }
        let known = self.memory.own_pod();
        let wanted = self.wanted(address, holder, known.as_ref());
        if wanted.is_none() {
            tracing::warn!(%holder, "the Pod's address is not known yet: nobody is sent to the leader");
        }
        Ok(subsets::to_send(wanted.as_ref(), seen))
    }

    /// What the answer to a write of the lock shows of its addresses.
    pub(crate) fn saw_addresses(&self, revision: Revision, raw: &Raw) {
        let whole = raw.kind == "Endpoints";
        let seen: Option<Vec<Subset>> = whole.then(|| subsets::seen(&raw.subsets)).flatten();
        self.memory.saw_subsets(revision, seen);
    }

    /// The leader's address; `None` where it is not known.
    fn wanted<'a>(
        &'a self,
        address: &'a Address,
        member: &'a MemberName,
        pod: Option<&'a OwnPod>,
    ) -> Option<Wanted<'a>> {
        Some(Wanted {
            namespace: self.settings.namespace.as_str(),
            member,
            ip: address.ip.or_else(|| pod?.ip)?,
            ports: &address.ports,
            pod,
        })
    }
}
