//! What a run has seen, in numbers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use comfy_table::{CellAlignment, Table, presets};
use dcs_memory::sim::{Class, History, Simulation, Swarm};
use serde::{Deserialize, Serialize};

/// Below this a run says nothing of how well its faults work.
const ENOUGH: u64 = 1000;
/// Fewer terms a history than this are no test of an election.
const LEAST_TERMS: f64 = 3.0;
/// The mixed profile gives a hostile writer to a third of the histories; of
/// [`ENOUGH`] histories chance alone is outside of this less than once in 2000 runs.
const HOSTILE_SHARE: RangeInclusive<f64> = 0.28..=0.39;
/// A mixed run in which fewer kinds of fault changed anything is not mixed.
const LEAST_CLASSES: usize = 12;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) histories: u64,
    pub(crate) violations: u64,
    pub(crate) hostile: u64,
    pub(crate) terms: u64,
    lost: u64,
    released: u64,
    renewals: u64,
    writes: u64,
    effects: u64,
    refused_effects: u64,
    alarms: u64,
    virtual_seconds: u64,
    members: BTreeMap<usize, u64>,
    /// By the name of the class: how often made, how often with an effect.
    hits: BTreeMap<String, (u64, u64)>,
}

impl Totals {
    /// One history.
    pub(crate) fn of(history: &History) -> Self {
        let hits = history.hits.iter();
        Self {
            histories: 1,
            violations: u64::from(history.violation.is_some()),
            hostile: u64::from(history.is_hostile),
            terms: history.counts.terms,
            lost: history.counts.lost,
            released: history.counts.released,
            renewals: history.counts.renewals,
            writes: history.counts.writes,
            effects: history.counts.effects,
            refused_effects: history.counts.refused_effects,
            alarms: history.counts.alarms,
            virtual_seconds: history.length.as_secs(),
            members: BTreeMap::from([(history.nodes, 1)]),
            hits: hits
                .map(|(class, both)| (class.name().to_owned(), *both))
                .collect(),
        }
    }

    /// A history that did not come to its end.
    pub(crate) fn panicked() -> Self {
        Self {
            histories: 1,
            violations: 1,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.violations += other.violations;
        self.hostile += other.hostile;
        self.terms += other.terms;
        self.lost += other.lost;
        self.released += other.released;
        self.renewals += other.renewals;
        self.writes += other.writes;
        self.effects += other.effects;
        self.refused_effects += other.refused_effects;
        self.alarms += other.alarms;
        self.virtual_seconds += other.virtual_seconds;
        for (members, count) in &other.members {
            *self.members.entry(*members).or_default() += count;
        }
        for (class, (made, hit)) in &other.hits {
            let both = self.hits.entry(class.clone()).or_default();
            *both = (both.0 + made, both.1 + hit);
        }
    }

    /// What the run would have to have seen, and has not: it proves nothing then.
    pub(crate) fn gaps(&self, swarm: Swarm) -> Vec<String> {
        if self.histories < ENOUGH {
            return Vec::new();
        }
        let expected = Simulation::expected_hits(swarm);
        let missing = expected.into_iter().map(Class::name);
        let missing = missing.filter(|name| self.hits.get(*name).is_none_or(|hits| hits.1 == 0));
        let mut gaps: Vec<_> = missing
            .map(|name| format!("the fault `{name}` never changed anything"))
            .collect();
        if self.terms_a_history() < LEAST_TERMS {
            gaps.push(format!(
                "{:.1} terms a history are fewer than {LEAST_TERMS}",
                self.terms_a_history()
            ));
        }
        if swarm == Swarm::Mixed {
            gaps.extend(self.hostile_gap());
            gaps.extend(self.classes_gap());
        }
        gaps
    }

    fn hostile_gap(&self) -> Option<String> {
        let share = ratio(self.hostile, self.histories);
        let (least, most) = (HOSTILE_SHARE.start(), HOSTILE_SHARE.end());
        (!HOSTILE_SHARE.contains(&share)).then(|| {
            format!("{share:.3} of the histories have a hostile writer, not {least} to {most}")
        })
    }

    fn classes_gap(&self) -> Option<String> {
        let hit = self.classes_hit();
        (hit < LEAST_CLASSES)
            .then(|| format!("{hit} fault classes with hits are fewer than {LEAST_CLASSES}"))
    }

    fn terms_a_history(&self) -> f64 {
        ratio(self.terms, self.histories)
    }

    /// The two tables of a run.
    pub(crate) fn tables(&self) -> String {
        let mut faults = Table::new();
        faults
            .load_style(presets::NOTHING)
            .set_header(["fault", "made", "hits"]);
        for class in Class::ALL {
            if let Some((made, hit)) = self.hits.get(class.name()) {
                faults.add_row([class.name().to_owned(), made.to_string(), hit.to_string()]);
            }
        }
        right(&mut faults);
        let mut all = Table::new();
        all.load_style(presets::NOTHING);
        let members = self.members.iter();
        let members: Vec<_> = members
            .map(|(members, count)| format!("{members}: {count}"))
            .collect();
        for (what, number) in [
            ("virtual hours", (self.virtual_seconds / 3600).to_string()),
            ("members a history", members.join(", ")),
            ("with a hostile writer", self.hostile.to_string()),
            ("terms", self.terms.to_string()),
            (
                "terms a history, mean",
                format!("{:.1}", self.terms_a_history()),
            ),
            ("terms lost", self.lost.to_string()),
            ("terms released", self.released.to_string()),
            ("renewals", self.renewals.to_string()),
            ("lease writes committed", self.writes.to_string()),
            ("effects accepted by token", self.effects.to_string()),
            ("effects refused by token", self.refused_effects.to_string()),
            ("alarms", self.alarms.to_string()),
            ("fault classes with hits", self.classes_hit().to_string()),
        ] {
            all.add_row([what.to_owned(), number]);
        }
        format!("{faults}\n\n{all}")
    }

    fn classes_hit(&self) -> usize {
        self.hits.values().filter(|hits| hits.1 > 0).count()
    }
}

fn right(table: &mut Table) {
    for index in [1, 2] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a mean for people, of counts far below 2^52"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mixed run with nothing to find fault with.
    fn good() -> Totals {
        let hits = Class::ALL.into_iter();
        Totals {
            histories: ENOUGH,
            terms: ENOUGH * 10,
            hostile: ENOUGH / 3,
            hits: hits
                .map(|class| (class.name().to_owned(), (1, 1)))
                .collect(),
            ..Totals::default()
        }
    }

    #[test]
    fn a_run_that_has_seen_everything_has_no_gaps() {
        assert_eq!(good().gaps(Swarm::Mixed), Vec::<String>::new());
    }

    #[test]
    fn a_long_run_without_hits_of_a_class_has_gaps() {
        let mut totals = good();
        totals.hits.clear();
        let gaps = totals.gaps(Swarm::Mixed);
        let never = gaps.iter().filter(|gap| gap.contains("never changed"));
        let expected = Simulation::expected_hits(Swarm::Mixed);
        assert_eq!(never.count(), expected.len(), "{gaps:?}");
        assert!(totals.gaps(Swarm::Calm).is_empty());
    }

    #[test]
    fn a_mixed_run_with_too_few_or_too_many_hostile_writers_has_a_gap() {
        for (hostile, share) in [(279, "0.279"), (391, "0.391")] {
            let totals = Totals { hostile, ..good() };
            let gaps = totals.gaps(Swarm::Mixed);
            let gap = format!("{share} of the histories have a hostile writer, not 0.28 to 0.39");
            assert_eq!(gaps, [gap]);
            assert!(totals.gaps(Swarm::Hostile).is_empty());
        }
        for hostile in [280, 390] {
            let totals = Totals { hostile, ..good() };
            assert!(totals.gaps(Swarm::Mixed).is_empty());
        }
    }

    #[test]
    fn a_mixed_run_that_hit_few_classes_has_a_gap() {
        let gap = |classes: usize| {
            let mut totals = good();
            for class in &Class::ALL[classes..] {
                totals.hits.insert(class.name().to_owned(), (1, 0));
            }
            let gaps = totals.gaps(Swarm::Mixed);
            gaps.into_iter().find(|gap| gap.contains("classes with"))
        };
        let few = "11 fault classes with hits are fewer than 12";
        assert_eq!(gap(11).as_deref(), Some(few));
        assert_eq!(gap(12), None);
    }

    #[test]
    fn a_short_run_is_not_judged_by_its_hits() {
        let totals = Totals {
            histories: ENOUGH - 1,
            ..Totals::default()
        };
        assert!(totals.gaps(Swarm::Mixed).is_empty());
    }
}
