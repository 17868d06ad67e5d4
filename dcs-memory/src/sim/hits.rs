//! Whether a fault changed anything: what only a look at the store tells.

use std::mem::discriminant;

use dcs_core::{LeaderRecord, Timestamp, Update};

use super::class::Class;
use super::clock::{NodeClock, Ticks};
use super::executor::lock;
use super::world::World;
use crate::log::Found;

impl World {
    /// The number that the next change of the store will have: while it stays
    /// the same, nothing was applied.
    pub(super) fn next_change(&self) -> u64 {
        match self.over() {
            Some(over) => over.version(),
            None => lock(&self.registers).keys(&self.scope).log.next(),
        }
    }

    /// Whether of the changes from one number up to another there is one that
    /// nobody sees who is shown the end of them alone.
    pub(super) fn hides_any(&self, from: u64, end: u64) -> bool {
        let mut registers = lock(&self.registers);
        let log = &registers.keys(&self.scope).log;
        let mut later: Vec<&Update> = Vec::new();
        (from..end).rev().any(|number| {
            let Found::Next(logged) = log.get(number) else {
                // So far behind that it is forgotten: others have followed it.
                return true;
            };
            let is_hidden = later.iter().any(|one| is_of_one_key(one, &logged.update));
            later.push(&logged.update);
            is_hidden
        })
    }

    /// A lease write is applied that left when its clock stood at `sent`: a hit
    /// of a jump if it shows another time than it would have without.
    pub(super) fn shows_time(
        &self,
        (clock, sent): (&NodeClock, &Ticks),
        record: &LeaderRecord,
        replaced: Option<&LeaderRecord>,
    ) {
        let jumped = clock.shows_jumps(sent);
        let Some(shown) = record.renew_time.filter(|_| jumped != 0) else {
            return;
        };
        let unjumped = Timestamp::from_system_time(sent.wall_without(jumped));
        if unjumped.after(replaced.and_then(|record| record.renew_time)) != shown {
            self.hit(Class::WallJump);
        }
    }
}

fn is_of_one_key(one: &Update, other: &Update) -> bool {
    match (one, other) {
        (Update::Member(one, _), Update::Member(other, _)) => one == other,
        _ => discriminant(one) == discriminant(other),
    }
}
