//! What can go wrong in a history.

use std::fmt;
use std::time::Duration;

use dcs_core::MemberName;

use super::class::Class;
use super::edit::Edit;
use super::fate::Fate;

/// Something that goes wrong at an instant, outside the control of the program.
///
/// Processes are numbered in the order in which they start, from 0: the first
/// ones are the members, in order; later ones are restarts and twins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The process ends as by SIGKILL, and one of the same name starts after a while.
    Crash {
        /// The process.
        process: usize,
        /// After how long another one starts.
        restart: Duration,
    },
    /// The process stands still as by SIGSTOP.
    Pause {
        /// The process.
        process: usize,
        /// For how long.
        lasts: Duration,
    },
    /// The machine sleeps: of its clocks only boottime goes on.
    Suspend {
        /// A process on the machine; all of them stand still.
        process: usize,
        /// For how long.
        lasts: Duration,
    },
    /// Another process of the same name starts on the same machine.
    Twin {
        /// The process whose name it has.
        process: usize,
    },
    /// Nothing of the given kind gets through between the process and the store.
    Cut {
        /// The process.
        process: usize,
        /// Requests are lost.
        requests: bool,
        /// Answers are lost, and watches show nothing.
        answers: bool,
        /// For how long.
        lasts: Duration,
    },
    /// Answers come late; what they answer is carried out in time.
    LateAnswers {
        /// The process.
        process: usize,
        /// How late.
        by: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// What a watch shows comes late.
    LateWatch {
        /// The process.
        process: usize,
        /// How late.
        by: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// The connections of watches break, and are resumed without loss.
    BrokenWatch {
        /// The process.
        process: usize,
    },
    /// The connections of watches break, and begin anew with a `Reset`.
    WatchGap {
        /// The process.
        process: usize,
    },
    /// The watch is connected and shows nothing, until it is opened anew.
    SilentWatch {
        /// The process.
        process: usize,
    },
    /// The clocks that can be slewed run at another rate from now on.
    Slew {
        /// A process on the machine.
        process: usize,
        /// Parts per million off.
        ppm: i64,
    },
    /// The wall clock jumps.
    WallJump {
        /// A process on the machine.
        process: usize,
        /// By so many milliseconds.
        millis: i64,
    },
    /// Someone sets ttl, `loop_wait` and `retry_timeout` of one member.
    Timing {
        /// The process.
        process: usize,
        /// The new ttl, in seconds.
        ttl: u64,
    },
    /// Someone writes settings into the config key, in seconds.
    Config {
        /// The ttl.
        ttl: u64,
        /// `loop_wait`.
        loop_wait: u64,
        /// `retry_timeout`.
        retry_timeout: u64,
    },
    /// Someone asks for a hand-over by the failover key.
    Handover {
        /// Who is to lead next; `None` leaves it open.
        candidate: Option<MemberName>,
    },
    /// A third party writes the leader register.
    Edit(Edit),
    /// One message between a process and the store goes astray.
    Message {
        /// The process.
        process: usize,
        /// The how many-th request of the process, from 0.
        request: u64,
        /// What becomes of it.
        fate: Fate,
    },
}

/// The faults that are aimed at a process.
macro_rules! aimed_at {
    ($process:ident) => {
        Self::Crash {
            process: $process,
            ..
        } | Self::Pause {
            process: $process,
            ..
        } | Self::Suspend {
            process: $process,
            ..
        } | Self::Twin { process: $process }
            | Self::Cut {
                process: $process,
                ..
            }
            | Self::LateAnswers {
                process: $process,
                ..
            }
            | Self::LateWatch {
                process: $process,
                ..
            }
            | Self::BrokenWatch { process: $process }
            | Self::WatchGap { process: $process }
            | Self::SilentWatch { process: $process }
            | Self::Slew {
                process: $process,
                ..
            }
            | Self::WallJump {
                process: $process,
                ..
            }
            | Self::Timing {
                process: $process,
                ..
            }
            | Self::Message {
                process: $process,
                ..
            }
    };
}

impl Fault {
    /// The class that it counts for; `None` for a message, which counts for
    /// what becomes of it.
    pub(super) const fn class(&self) -> Option<Class> {
        Some(match self {
            Self::Crash { .. } => Class::Crash,
            Self::Pause { .. } => Class::Pause,
            Self::Suspend { .. } => Class::Suspend,
            Self::Twin { .. } => Class::Twin,
            Self::Cut {
                requests, answers, ..
            } => Class::of_cut(*requests, *answers),
            Self::LateAnswers { .. } => Class::LateAnswers,
            Self::LateWatch { .. } => Class::LateWatch,
            Self::BrokenWatch { .. } => Class::BrokenWatch,
            Self::WatchGap { .. } => Class::WatchGap,
            Self::SilentWatch { .. } => Class::SilentWatch,
            Self::Slew { .. } => Class::Slew,
            Self::WallJump { .. } => Class::WallJump,
            Self::Timing { .. } => Class::Timing,
            Self::Config { .. } => Class::Config,
            Self::Handover { .. } => Class::Handover,
            Self::Edit(edit) => edit.class(),
            Self::Message { .. } => return None,
        })
    }

    /// The process that it is aimed at.
    pub(super) const fn process(&self) -> Option<usize> {
        match self {
            aimed_at!(process) => Some(*process),
            Self::Config { .. } | Self::Handover { .. } | Self::Edit(_) => None,
        }
    }

    /// The same, to aim it at another one.
    pub(super) const fn process_mut(&mut self) -> Option<&mut usize> {
        match self {
            aimed_at!(process) => Some(process),
            Self::Config { .. } | Self::Handover { .. } | Self::Edit(_) => None,
        }
    }
}

/// A fault and when it happens, since the start of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "complete: an instant and what happens at it"
)]
pub struct Planned {
    /// When. Without meaning for a [`Fault::Message`], which is told by its number.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3} s  {}", self.at.as_secs_f64(), self.fault)
    }
}

impl fmt::Display for Fault {
    #[expect(clippy::too_many_lines, reason = "a line or two for each fault")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { process, restart } => {
                write!(
                    f,
                    "process {process} is killed; another starts after {restart:?}"
                )
            }
            Self::Pause { process, lasts } => write!(f, "process {process} stops for {lasts:?}"),
            Self::Suspend { process, lasts } => {
                write!(f, "the machine of process {process} sleeps for {lasts:?}")
            }
            Self::Twin { process } => write!(f, "a twin of process {process} starts"),
            Self::Cut {
                process,
                requests,
                answers,
                lasts,
            } => {
                let what = match (requests, answers) {
                    (true, false) => "requests",
                    (false, true) => "answers",
                    _ => "everything",
                };
                write!(f, "{what} of process {process} lost for {lasts:?}")
            }
            Self::LateAnswers { process, by, lasts } => {
                write!(
                    f,
                    "answers to process {process} are {by:.3?} late for {lasts:.3?}"
                )
            }
            Self::LateWatch { process, by, lasts } => {
                write!(
                    f,
                    "the watch of process {process} is {by:?} late for {lasts:?}"
                )
            }
            Self::BrokenWatch { process } => write!(f, "the watch of process {process} breaks"),
            Self::WatchGap { process } => {
                write!(f, "the watch of process {process} breaks with a gap")
            }
            Self::SilentWatch { process } => {
                write!(f, "the watch of process {process} falls silent")
            }
            Self::Slew { process, ppm } => {
                write!(f, "the clocks of process {process} are slewed by {ppm} ppm")
            }
            Self::WallJump { process, millis } => {
                write!(
                    f,
                    "the wall clock of process {process} jumps by {millis} ms"
                )
            }
            Self::Timing { process, ttl } => write!(f, "process {process} gets a ttl of {ttl} s"),
            Self::Config {
                ttl,
                loop_wait,
                retry_timeout,
            } => write!(
                f,
                "the config key says ttl {ttl} s, loop_wait {loop_wait} s, retry_timeout {retry_timeout} s"
            ),
            Self::Handover { candidate } => match candidate {
                Some(name) => write!(f, "someone asks for a hand-over to {name}"),
                None => write!(f, "someone asks for a hand-over"),
            },
            Self::Edit(edit) => write!(f, "a third party {edit}"),
            Self::Message {
                process,
                request,
                fate,
            } => write!(f, "request {request} of process {process} {fate}"),
        }
    }
}
