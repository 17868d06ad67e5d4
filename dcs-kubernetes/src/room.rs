//! How much of what members say is kept in memory, whoever floods it.

use crate::format::{Object as Raw, STATUS_MAX, name, status_size, too_large};

/// Bytes that all members of a scope may say together: as many as 128 members
/// that say all they may.
const ROOM: usize = 128 * STATUS_MAX;

/// What is left of it.
#[derive(Debug, Default)]
pub(crate) struct Room {
    used: usize,
}

impl Room {
    /// The room that these Pods leave.
    pub(crate) fn beside<'a>(pods: impl Iterator<Item = &'a Raw>) -> Self {
        Self {
            used: pods.map(status_size).sum(),
        }
    }

    /// What this Pod took is free again.
    pub(crate) fn leave(&mut self, pod: &Raw) {
        self.used = self.used.saturating_sub(status_size(pod));
    }

    /// Keeps of a Pod what its member says, where there is room for that, and
    /// nothing that others wrote there.
    pub(crate) fn take_in(&mut self, pod: &mut Raw) {
        let size = status_size(pod);
        let why = if size > STATUS_MAX {
            Some(too_large(size))
        } else if self.used + size > ROOM {
            Some(format!(
                "all members together say more than the {ROOM} bytes that are read"
            ))
        } else {
            self.used += size;
            None
        };
        pod.keep_only(name::STATUS, why.is_none());
        pod.unread = why;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(size: usize) -> Raw {
        let annotations = json!({"status": "x".repeat(size), "others": "y"});
        let metadata = json!({"name": "demo-0", "annotations": annotations});
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    fn taken(room: &mut Room, size: usize) -> Raw {
        let mut pod = pod(size);
        room.take_in(&mut pod);
        pod
    }

    #[test]
    fn a_status_is_kept_and_the_annotations_of_others_are_not() {
        let pod = taken(&mut Room::default(), 10);
        let kept: Vec<_> = pod.annotations().map(|(key, _)| key).collect();
        assert_eq!(kept, ["status"]);
        assert_eq!(pod.unread, None);
    }

    #[test]
    fn a_status_that_is_too_large_is_told_and_takes_no_room() {
        let mut room = Room::default();
        let pod = taken(&mut room, STATUS_MAX + 1);
        assert_eq!(pod.annotations().count(), 0);
        assert!(pod.unread.unwrap().contains("65537 bytes"));
        assert_eq!(room.used, 0);
    }

    #[test]
    fn what_is_beyond_the_room_of_all_is_told_and_not_kept() {
        let mut room = Room::default();
        for _ in 0..128 {
            assert_eq!(taken(&mut room, STATUS_MAX).unread, None);
        }
        let pod = taken(&mut room, 1);
        assert_eq!(pod.annotations().count(), 0);
        assert!(pod.unread.unwrap().contains("all members together"));
    }

    #[test]
    fn a_pod_that_is_gone_makes_room() {
        let full: Vec<_> = (0..128).map(|_| pod(STATUS_MAX)).collect();
        let mut room = Room::beside(full.iter());
        assert!(taken(&mut room, 1).unread.is_some());
        room.leave(&full[0]);
        assert!(taken(&mut room, 1).unread.is_none());
    }
}
