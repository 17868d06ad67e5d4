//! What the picture shows, put together from the marks of a history.

use super::view::Span;
use crate::sim::executor::Nanos;
use crate::sim::fault::{Fault, Planned};
use crate::sim::net::nanos;
use crate::sim::simulation::History;
use crate::sim::trace::{Answered, Mark, Wrote};

pub(super) struct Scene<'a> {
    pub(super) end: Nanos,
    /// By their numbers.
    pub(super) processes: Vec<Process<'a>>,
    pub(super) versions: Vec<Version<'a>>,
    /// All that was listed, and what became of it.
    pub(super) faults: Vec<Listed<'a>>,
    /// When all faults ended.
    pub(super) healed: Option<Nanos>,
}

pub(super) struct Process<'a> {
    pub(super) number: usize,
    pub(super) name: &'a str,
    pub(super) life: Span,
    pub(super) is_killed: bool,
    pub(super) beliefs: Vec<Belief<'a>>,
    pub(super) stopped: Stretches,
    pub(super) cut: Stretches,
    pub(super) writes: Vec<Write<'a>>,
}

/// A process believes.
pub(super) struct Belief<'a> {
    pub(super) span: Span,
    pub(super) token: Option<u128>,
    /// How its term ended, if the process has said so.
    pub(super) how: Option<&'a str>,
    is_open: bool,
}

/// A lease write, and when and how it was answered.
pub(super) struct Write<'a> {
    pub(super) at: Nanos,
    pub(super) request: u64,
    pub(super) wrote: Wrote,
    pub(super) answer: Option<(Nanos, &'a Answered)>,
}

/// A version of the leader key.
pub(super) struct Version<'a> {
    pub(super) at: Nanos,
    pub(super) revision: Option<&'a str>,
    pub(super) holder: Option<&'a str>,
    pub(super) writer: Option<usize>,
}

/// A fault of the list of a history.
pub(super) struct Listed<'a> {
    pub(super) fault: &'a Fault,
    pub(super) at: Nanos,
    /// Whether it happened: not if there was nobody to whom it could.
    pub(super) happened: bool,
}

/// Stretches of time that do not overlap.
#[derive(Default)]
pub(super) struct Stretches {
    pub(super) all: Vec<Span>,
    since: Option<Nanos>,
}

impl Stretches {
    fn begin(&mut self, at: Nanos) {
        self.since.get_or_insert(at);
    }

    fn end(&mut self, to: Nanos) {
        if let Some(from) = self.since.take() {
            self.all.push(Span { from, to });
        }
    }
}

impl<'a> Scene<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let end = nanos(history.length);
        let mut scene = Self {
            end,
            processes: Vec::new(),
            versions: Vec::new(),
            faults: listed(history),
            healed: None,
        };
        for (at, mark) in &history.marks {
            scene.take(*at, mark);
        }
        for process in &mut scene.processes {
            process.is_over(end);
        }
        scene
    }

    /// The processes as they stand below each other: those of one name
    /// together, in the order in which they started.
    pub(super) fn by_name(&self) -> Vec<&Process<'a>> {
        let mut sorted: Vec<_> = self.processes.iter().collect();
        sorted.sort_by_key(|process| self.first_of(process.name));
        sorted
    }

    fn first_of(&self, name: &str) -> Option<usize> {
        self.processes
            .iter()
            .position(|process| process.name == name)
    }

    fn take(&mut self, at: Nanos, mark: &'a Mark) {
        match mark {
            Mark::Start { process, name } => {
                self.processes.push(Process::starts(*process, name, at));
            }
            Mark::Version {
                revision,
                holder,
                writer,
            } => self.versions.push(Version {
                at,
                revision: revision.as_deref(),
                holder: holder.as_deref(),
                writer: *writer,
            }),
            Mark::Fault { fault } => self.happened(at, fault),
            Mark::Healed => self.healed = Some(at),
            Mark::End { process }
            | Mark::Belief { process, .. }
            | Mark::TermEnded { process, .. }
            | Mark::Stopped { process, .. }
            | Mark::Cut { process, .. }
            | Mark::Sent { process, .. }
            | Mark::Answered { process, .. } => {
                if let Some(process) = self.processes.get_mut(*process) {
                    process.take(at, mark);
                }
            }
        }
    }

    /// Finds a fault in the list. A message is known by its number, as in a
    /// plan its instant is without meaning.
    fn happened(&mut self, at: Nanos, fault: &Fault) {
        let is_message = matches!(fault, Fault::Message { .. });
        let mut waiting = self.faults.iter_mut().filter(|listed| !listed.happened);
        let found = waiting.find(|listed| (is_message || listed.at == at) && listed.fault == fault);
        if let Some(listed) = found {
            listed.happened = true;
            listed.at = at;
        }
    }
}

impl<'a> Process<'a> {
    fn starts(number: usize, name: &'a str, at: Nanos) -> Self {
        Self {
            number,
            name,
            life: Span {
                from: at,
                to: Nanos::MAX,
            },
            is_killed: false,
            beliefs: Vec::new(),
            stopped: Stretches::default(),
            cut: Stretches::default(),
            writes: Vec::new(),
        }
    }

    fn take(&mut self, at: Nanos, mark: &'a Mark) {
        // What is undone after its end concerns it no more.
        if self.is_killed {
            return;
        }
        match mark {
            Mark::End { .. } => {
                self.is_over(at);
                self.is_killed = true;
            }
            Mark::Belief { token, is, .. } => self.believes(at, *token, *is),
            Mark::TermEnded { token, how, .. } => {
                let mut latest = self.beliefs.iter_mut().rev();
                if let Some(belief) = latest.find(|belief| belief.token == Some(*token)) {
                    belief.how = Some(how);
                }
            }
            Mark::Stopped { is: true, .. } => self.stopped.begin(at),
            Mark::Stopped { .. } => self.stopped.end(at),
            Mark::Cut { is: true, .. } => self.cut.begin(at),
            Mark::Cut { .. } => self.cut.end(at),
            Mark::Sent { request, wrote, .. } => self.writes.push(Write {
                at,
                request: *request,
                wrote: *wrote,
                answer: None,
            }),
            Mark::Answered {
                request, answer, ..
            } => {
                let mut latest = self.writes.iter_mut().rev();
                if let Some(write) = latest.find(|write| write.request == *request) {
                    write.answer = Some((at, answer));
                }
            }
            _ => {}
        }
    }

    fn believes(&mut self, at: Nanos, token: Option<u128>, is: bool) {
        if is {
            self.beliefs.push(Belief {
                span: Span {
                    from: at,
                    to: Nanos::MAX,
                },
                token,
                how: None,
                is_open: true,
            });
            return;
        }
        let open = self.beliefs.iter_mut().filter(|belief| belief.is_open);
        for belief in open.filter(|belief| belief.token == token) {
            belief.closes(at);
        }
    }

    fn is_over(&mut self, at: Nanos) {
        if self.is_killed {
            return;
        }
        self.life.to = at;
        self.stopped.end(at);
        self.cut.end(at);
        for belief in self.beliefs.iter_mut().filter(|belief| belief.is_open) {
            belief.closes(at);
        }
    }
}

impl Belief<'_> {
    const fn closes(&mut self, at: Nanos) {
        self.span.to = at;
        self.is_open = false;
    }
}

/// The faults as the history tells them: those of a plan, also if they did not
/// come about.
fn listed<'a>(history: &'a History) -> Vec<Listed<'a>> {
    let plan = history.simulation.plan.as_ref();
    let planned = plan.unwrap_or(&history.faults);
    let listed = |planned: &'a Planned| Listed {
        fault: &planned.fault,
        at: nanos(planned.at),
        happened: false,
    };
    planned.iter().map(listed).collect()
}
