//! Faults in few words, for labels.

use std::fmt;
use std::time::Duration;

use crate::sim::edit::Edit;
use crate::sim::executor::Nanos;
use crate::sim::fault::Fault;
use crate::sim::net::nanos;

/// A fault as a label says it; its full text is on the mark.
pub(super) struct Short<'a>(pub(super) &'a Fault);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |lasts: &Duration| lasts.as_secs_f64();
        match self.0 {
            Fault::Crash { .. } => f.write_str("killed"),
            Fault::Pause { lasts, .. } => write!(f, "stops {:.1} s", of(lasts)),
            Fault::Suspend { lasts, .. } => write!(f, "sleeps {:.1} s", of(lasts)),
            Fault::Twin { .. } => f.write_str("twin"),
            Fault::Cut {
                requests,
                answers,
                lasts,
                ..
            } => match (requests, answers) {
                (true, false) => write!(f, "requests cut {:.1} s", of(lasts)),
                (false, true) => write!(f, "answers cut {:.1} s", of(lasts)),
                _ => write!(f, "cut off {:.1} s", of(lasts)),
            },
            Fault::LateAnswers { by, lasts, .. } => {
                write!(f, "answers {:.1} s late for {:.1} s", of(by), of(lasts))
            }
            Fault::LateWatch { by, lasts, .. } => {
                write!(f, "watch {:.1} s late for {:.1} s", of(by), of(lasts))
            }
            Fault::BrokenWatch { .. } => f.write_str("watch breaks"),
            Fault::WatchGap { .. } => f.write_str("watch gap"),
            Fault::SilentWatch { .. } => f.write_str("watch silent"),
            Fault::Slew { ppm, .. } => write!(f, "slew {ppm:+} ppm"),
            Fault::WallJump { millis, .. } => write!(f, "wall {millis:+} ms"),
            Fault::Timing { ttl, .. } => write!(f, "ttl {ttl} s"),
            Fault::Config { ttl, .. } => write!(f, "config: ttl {ttl} s"),
            Fault::Handover { candidate } => match candidate {
                Some(name) => write!(f, "hand-over to {name}"),
                None => f.write_str("hand-over"),
            },
            Fault::Edit(edit) => short_edit(edit, f),
            Fault::Message { request, .. } => write!(f, "request {request}"),
        }
    }
}

fn short_edit(edit: &Edit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match edit {
        Edit::Delete => f.write_str("deleted"),
        Edit::Wipe => f.write_str("holder wiped"),
        Edit::Bump => f.write_str("bumped"),
        Edit::RollBack { versions } => write!(f, "rolled back by {versions}"),
        Edit::ForgeRelease => f.write_str("release forged"),
        Edit::ReplayRelease => f.write_str("release replayed"),
        Edit::ReplayMark => f.write_str("mark replayed"),
        Edit::Ttl { seconds } => write!(f, "ttl {seconds} s written"),
        Edit::Stranger => f.write_str("another holder"),
        Edit::Renew => f.write_str("renewed by others"),
    }
}

/// How long a fault lasts; what only happens takes no time.
pub(super) fn lasts(fault: &Fault) -> Nanos {
    match fault {
        Fault::Pause { lasts, .. }
        | Fault::Suspend { lasts, .. }
        | Fault::Cut { lasts, .. }
        | Fault::LateAnswers { lasts, .. }
        | Fault::LateWatch { lasts, .. } => nanos(*lasts),
        _ => 0,
    }
}
