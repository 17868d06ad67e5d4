//! When it is this member's turn to replace what it has seen: after the wait
//! that safety asks for, and after what courtesy adds to it.
//!
//! All that is added is waiting, and nothing here shortens any: T_WAIT (rule Q2)
//! and the conditions of a release (rule Q4) stand as they do without it.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Machine, ReleasePolicy};
use crate::election::Eligibility;
use crate::election::beside_patroni::{BesidePatroni, PatroniRelease};
use crate::election::observer::Sight;
use crate::election::seeded::{Bug, planted};
use crate::{Config, LeaderRecord, MemberName, Revision, Stamp};

/// After T_WAIT a member waits for up to this much longer for each other member.
const STAGGER_EACH: Duration = Duration::from_millis(40);
/// The most that it waits longer for, however many there are.
const LONGEST_STAGGER: Duration = Duration::from_secs(1);
/// How many members there are taken to be where none says that it is there.
const UNKNOWN: usize = 50;
/// With more members than this a release is staggered, too.
const FEW: usize = 8;
/// By at most this much: about what a write takes to be seen by the others.
const RELEASE_STAGGER: Duration = Duration::from_millis(20);

/// What has a say in it beside the version that was seen.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// This member acquires nothing.
    pub(super) paused: bool,
    /// The config key says that nobody acquires, unless named as the next leader.
    scope_paused: bool,
    pub(super) eligibility: Eligibility,
    /// How many members the watch shows; 0 where they do not say so.
    pub(super) members: usize,
    /// Who is to follow when this member gives up on purpose.
    pub(super) successor: Option<MemberName>,
}

impl Turn {
    pub(super) fn may_lead(&self) -> bool {
        self.eligibility != Eligibility::Never
    }

    /// How long others are left time to go first.
    fn deference(&self, loop_wait: Duration) -> Duration {
        match self.eligibility {
            Eligibility::Never => Duration::ZERO,
            Eligibility::Priority(priority) => priority.deference(loop_wait),
        }
    }

    /// To how much time the acquiring writes after T_WAIT are spread out. Few
    /// members need little of it, and a failover takes that much longer.
    fn window(&self, loop_wait: Duration) -> Duration {
        let others = u32::try_from(self.known().saturating_sub(1)).unwrap_or(u32::MAX);
        STAGGER_EACH
            .saturating_mul(others)
            .min(LONGEST_STAGGER)
            .min(loop_wait)
    }

    fn release_window(&self) -> Duration {
        if self.members > FEW {
            RELEASE_STAGGER
        } else {
            Duration::ZERO
        }
    }

    const fn known(&self) -> usize {
        if self.members == 0 {
            UNKNOWN
        } else {
            self.members
        }
    }
}

impl Machine {
    /// This member's place in a time within which all members do the same: by
    /// chance, and the same each time.
    pub(crate) fn place_within(&self, window: Duration) -> Duration {
        let [first, ..] = self.session.bits().to_be_bytes();
        window * u32::from(first) / u32::from(u8::MAX)
    }

    /// How long until this member may replace the version seen last; `None`
    /// where it may not at all.
    pub(super) fn turn_in(&self, now: Stamp) -> Option<Duration> {
        let due = self.right_turn_in(now);
        #[cfg(dcs_seeded_bugs)]
        let due = self.wrong_turn_in(due, now);
        due
    }

    fn right_turn_in(&self, now: Stamp) -> Option<Duration> {
        let sight = self
            .observer
            .seen()
            .filter(|sight| self.may_acquire(sight))?;
        // Absence is nothing to replace, and what we wrote last ourselves is
        // replaced without waiting (rule H9).
        let Some(revision) = sight.revision.filter(|seen| self.acked != Some(*seen)) else {
            return Some(Duration::ZERO);
        };
        let loop_wait = self.timing.loop_wait();
        let added =
            self.stagger(revision, self.turn.window(loop_wait)) + self.turn.deference(loop_wait);
        let added = added + self.left_to_the_candidate(sight);
        let expired = self.wait_for(sight).saturating_add(added);
        let left = self.observer.left_to_wait(expired, now)?;
        let left = left.max(self.left_of_a_former_lock(added, now));
        let Some(released) = self.turn_after_release(sight, revision) else {
            return Some(left);
        };
        Some(left.min(self.observer.left_to_wait(released, now)?))
    }

    /// For how long Patroni may still believe by the lock that it wrote before
    /// the one that was seen last (rule P1), and what courtesy adds to that.
    fn left_of_a_former_lock(&self, added: Duration, now: Stamp) -> Duration {
        let former = self.observer.former_lock();
        let former = former.filter(|_| !planted(Bug::PatroniTtlLowered));
        let Some((beside, (ttl, since))) = self.beside.zip(former) else {
            return Duration::ZERO;
        };
        let believed = beside.believed_for(ttl, &self.timing);
        let wait = believed.saturating_add(added);
        wait.saturating_sub(now.challenger_elapsed_since(since))
    }

    /// Whether anything keeps this member from acquiring this version, whenever.
    pub(super) fn may_acquire(&self, sight: &Sight) -> bool {
        let is_paused = self.turn.scope_paused && !self.is_named(sight);
        self.turn.may_lead() && !self.turn.paused && !is_paused
    }

    /// Whether a request that is due, or a release, names this member as the
    /// next one to lead: that is obeyed in a pause of the scope, too.
    fn is_named(&self, sight: &Sight) -> bool {
        let mark = sight.record.present().and_then(LeaderRecord::valid_release);
        let successor = mark.and_then(|mark| mark.successor.as_ref());
        self.candidate() == Some(&self.me) || successor == Some(&self.me)
    }

    /// What the config key says that has a part in it.
    pub(super) fn config_shows(&mut self, config: &Config) {
        self.turn.scope_paused = config.view().pause();
        if let Some(beside) = &mut self.beside {
            beside.sees(config);
        }
    }

    /// L_c: for how long this version is left alone. T_WAIT, and longer where
    /// Patroni may have written it.
    fn wait_for(&self, sight: &Sight) -> Duration {
        let former = self.observer.held_ttl();
        self.beside.map_or(self.timing.challenger_wait(), |beside| {
            beside.wait(&sight.record, former, &self.timing)
        })
    }

    /// When a version that was given up on purpose may be replaced, counted from
    /// its first sight; `None` where it has to be waited for like any other.
    fn turn_after_release(&self, sight: &Sight, revision: Revision) -> Option<Duration> {
        let honors = self.policy == ReleasePolicy::Honor;
        if !honors || !self.is_released() || self.stands_aside() {
            return None;
        }
        let mark = sight.record.present().and_then(LeaderRecord::valid_release);
        let loop_wait = self.timing.loop_wait();
        let aside = match mark.and_then(|mark| mark.successor.as_ref()) {
            Some(successor) if *successor == self.me => return Some(Duration::ZERO),
            Some(_) => loop_wait,
            None => Duration::ZERO,
        };
        let stagger = self.stagger(revision, self.turn.release_window());
        Some(aside + stagger + self.turn.deference(loop_wait))
    }

    /// By how much longer a version without holder is left alone that the
    /// candidate has to wait for, too: Patroni's releases show no mark, and
    /// without this all members would come at once.
    fn left_to_the_candidate(&self, sight: &Sight) -> Duration {
        let record = sight.record.present();
        let is_vacant = record.is_some_and(|record| record.holder.is_none());
        if is_vacant && !self.is_released() && self.stands_aside() {
            self.timing.loop_wait()
        } else {
            Duration::ZERO
        }
    }

    /// Whether the version seen last was given up on purpose: as its mark shows
    /// (rule Q4), or by Patroni, if that counts (rule P2).
    fn is_released(&self) -> bool {
        let takes = |beside: BesidePatroni| beside.release() == PatroniRelease::Take;
        self.observer.is_free() || self.beside.is_some_and(takes) && self.observer.is_let_go()
    }

    /// This member's place in `window` for this version: few come early, so
    /// that whoever comes first is seen before many more have come.
    ///
    /// The density grows exponentially, by a factor of twice the number of
    /// members over the window: then the number of writes that are sent while
    /// the first one is on its way hardly depends on how many members there are.
    fn stagger(&self, revision: Revision, window: Duration) -> Duration {
        let members = u32::try_from(self.turn.known()).unwrap_or(u32::MAX);
        let growth = 2.0 * f64::from(members);
        let digest = Sha256::new()
            .chain_update(self.session.bits().to_be_bytes())
            .chain_update(revision.get().to_be_bytes())
            .finalize();
        let drawn = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let drawn = f64::from(drawn) / (f64::from(u32::MAX) + 1.0);
        let place = (drawn * (growth - 1.0)).ln_1p() / growth.ln();
        window.mul_f64(place.clamp(0.0, 1.0))
    }
}
