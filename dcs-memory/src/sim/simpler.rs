//! What is simpler than a fault, and the same faults in a smaller cluster.

use std::time::Duration;

use super::edit::Edit;
use super::fate::Fate;
use super::fault::{Fault, Planned};

const MILLIS: u128 = 1_000_000;
const SECOND: u128 = 1_000 * MILLIS;

/// The same at another instant or something simpler at the same one, the
/// boldest first.
pub(super) fn simpler(planned: &Planned) -> Vec<Planned> {
    let faults = simpler_fault(&planned.fault).into_iter();
    let simpler = faults.map(|fault| Planned {
        at: planned.at,
        fault,
    });
    // A message has no instant of its own: it is told by its number.
    let is_message = matches!(planned.fault, Fault::Message { .. });
    let instants = rounder(planned.at).into_iter().filter(|_| !is_message);
    let rounder = instants.map(|at| Planned {
        at,
        fault: planned.fault.clone(),
    });
    simpler.chain(rounder).collect()
}

fn simpler_fault(fault: &Fault) -> Vec<Fault> {
    let mut all = instead(fault);
    let spans = lasts_of(&mut fault.clone()).map_or_else(Vec::new, |lasts| shorter(*lasts));
    all.extend(spans.into_iter().map(|shorter| {
        let mut fault = fault.clone();
        if let Some(lasts) = lasts_of(&mut fault) {
            *lasts = shorter;
        }
        fault
    }));
    all
}

/// How long it lasts, if it is nothing that only happens.
const fn lasts_of(fault: &mut Fault) -> Option<&mut Duration> {
    match fault {
        Fault::Crash { restart: lasts, .. }
        | Fault::Pause { lasts, .. }
        | Fault::Suspend { lasts, .. }
        | Fault::Cut { lasts, .. }
        | Fault::LateAnswers { lasts, .. }
        | Fault::LateWatch { lasts, .. } => Some(lasts),
        _ => None,
    }
}

/// Another fault in its place.
fn instead(fault: &Fault) -> Vec<Fault> {
    match *fault {
        Fault::Suspend { process, lasts } => vec![Fault::Pause { process, lasts }],
        Fault::Cut {
            process,
            requests: true,
            answers: true,
            lasts,
        } => [(true, false), (false, true)]
            .map(|(requests, answers)| Fault::Cut {
                process,
                requests,
                answers,
                lasts,
            })
            .to_vec(),
        Fault::LateAnswers { process, by, lasts } => {
            let all = shorter(by).into_iter();
            all.map(|by| Fault::LateAnswers { process, by, lasts })
                .collect()
        }
        Fault::LateWatch { process, by, lasts } => {
            let all = shorter(by).into_iter();
            all.map(|by| Fault::LateWatch { process, by, lasts })
                .collect()
        }
        Fault::WatchGap { process } => vec![Fault::BrokenWatch { process }],
        Fault::Slew { process, ppm } if ppm != 0 => {
            vec![Fault::Slew {
                process,
                ppm: ppm / 2,
            }]
        }
        Fault::WallJump { process, millis } if millis != 0 => {
            vec![Fault::WallJump {
                process,
                millis: millis / 2,
            }]
        }
        Fault::Handover { candidate: Some(_) } => vec![Fault::Handover { candidate: None }],
        Fault::Edit(Edit::RollBack { versions }) if versions > 1 => [1, versions / 2, versions - 1]
            .map(|versions| Fault::Edit(Edit::RollBack { versions }))
            .to_vec(),
        Fault::Message {
            process,
            request,
            fate,
        } => {
            let fates = simpler_fate(&fate).into_iter();
            fates
                .map(|fate| Fault::Message {
                    process,
                    request,
                    fate,
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Without one of the things that become of the message, or less of one.
fn simpler_fate(fate: &Fate) -> Vec<Fate> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Fate)| {
        let mut simpler = *fate;
        change(&mut simpler);
        if simpler != *fate {
            all.push(simpler);
        }
    };
    with(&|fate| fate.is_lost = false);
    with(&|fate| fate.loses_answer = false);
    with(&|fate| fate.is_refused = false);
    with(&|fate| fate.late = Duration::ZERO);
    with(&|fate| fate.late_answer = Duration::ZERO);
    with(&|fate| fate.again = None);
    with(&|fate| fate.stale = 0);
    with(&|fate| fate.is_stray = false);
    with(&|fate| fate.stale = fate.stale.min(1));
    for late in shorter(fate.late) {
        with(&|fate| fate.late = late);
    }
    for late in shorter(fate.late_answer) {
        with(&|fate| fate.late_answer = late);
    }
    for again in fate.again.map(shorter).unwrap_or_default() {
        with(&|fate| fate.again = Some(again));
    }
    all
}

/// Shorter ones, the shortest first, in whole milliseconds; then rounder ones.
fn shorter(span: Duration) -> Vec<Duration> {
    let nanos = span.as_nanos();
    let parts = [nanos / 8, nanos / 2, nanos * 7 / 8].map(|part| part - part % MILLIS);
    let mut all = parts.to_vec();
    all.extend([SECOND, SECOND / 10, MILLIS].map(|unit| nanos - nanos % unit));
    all.retain(|shorter| *shorter < nanos && *shorter > 0);
    all.dedup();
    all.into_iter().map(from_nanos).collect()
}

/// Much earlier, and the same instant in fewer digits, the fewest first.
fn rounder(at: Duration) -> Vec<Duration> {
    let nanos = at.as_nanos();
    let half = nanos / 2;
    let mut all = vec![half - half % SECOND];
    all.extend([SECOND, SECOND / 10, MILLIS].map(|unit| nanos - nanos % unit));
    all.retain(|rounder| *rounder < nanos);
    all.dedup();
    all.into_iter().map(from_nanos).collect()
}

fn from_nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The same faults, all aimed at one process.
pub(super) fn aimed_at(plan: &[Planned], aim: usize) -> Vec<Planned> {
    let mut plan = plan.to_vec();
    for process in plan
        .iter_mut()
        .filter_map(|planned| planned.fault.process_mut())
    {
        *process = aim;
    }
    plan
}

/// The same faults without this member: those of later processes, whose
/// numbers move up, stay.
pub(super) fn without_member(plan: &[Planned], gone: usize) -> Vec<Planned> {
    let stays = plan
        .iter()
        .filter(|planned| planned.fault.process() != Some(gone));
    let mut plan: Vec<_> = stays.cloned().collect();
    for process in plan
        .iter_mut()
        .filter_map(|planned| planned.fault.process_mut())
    {
        if *process > gone {
            *process -= 1;
        }
    }
    plan
}
