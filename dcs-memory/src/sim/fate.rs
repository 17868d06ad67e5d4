//! What becomes of one message.

use std::fmt;
use std::time::Duration;

/// What becomes of one request to the store and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub struct Fate {
    /// It never arrives.
    pub is_lost: bool,
    /// It is applied or answered, and the answer never arrives.
    pub loses_answer: bool,
    /// It is refused before it can be applied.
    pub is_refused: bool,
    /// It arrives so much later, perhaps long after its sender gave it up.
    pub late: Duration,
    /// The answer arrives so much later.
    pub late_answer: Duration,
    /// It arrives a second time after so long.
    pub again: Option<Duration>,
    /// For a read: it shows what stood there so many versions ago.
    pub stale: usize,
    /// It passes cuts by another way.
    pub is_stray: bool,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.is_refused {
            parts.push("is refused".to_owned());
        }
        if self.is_lost {
            parts.push("is lost".to_owned());
        }
        if !self.late.is_zero() {
            parts.push(format!("arrives {:?} late", self.late));
        }
        if let Some(after) = self.again {
            parts.push(format!("arrives again after {after:?}"));
        }
        if self.stale > 0 {
            parts.push(format!("is answered {} versions stale", self.stale));
        }
        if self.loses_answer {
            parts.push("loses its answer".to_owned());
        }
        if !self.late_answer.is_zero() {
            parts.push(format!("is answered {:?} late", self.late_answer));
        }
        if self.is_stray {
            parts.push("takes another way".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}
