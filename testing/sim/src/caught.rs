//! Work that may panic, where the run has to go on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What it gives, or what it panicked with.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Whatever it has left half done is dropped with it.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_message() {
        let seed = 7;
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        let made = caught(|| panic!("made of {seed}"));
        assert_eq!(made, Err::<(), _>("made of 7".to_owned()));
    }
}
