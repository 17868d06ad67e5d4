//! A case, and how it is run.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Harness, World};

/// One check of one guarantee.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Case {
    /// Its name, a sentence.
    pub name: &'static str,
    /// The id of the guarantee that it checks.
    pub guarantee: &'static str,
    /// What it checks, in one sentence.
    pub about: &'static str,
    /// How many handles it needs on each scope.
    pub members: usize,
    /// What it does.
    pub run: Run,
}

/// What a case does. It panics where the backend breaks its guarantee.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Run {
    /// On one fresh scope.
    One(fn(World) -> BoxFuture<'static, ()>),
    /// On two fresh scopes of the same backend.
    Two(fn(World, World) -> BoxFuture<'static, ()>),
}

impl Case {
    /// Runs the case against a backend, unless the harness
    /// [says that it cannot](Harness::cannot_run). Returns whether it ran.
    ///
    /// # Panics
    /// Where the backend breaks the guarantee, or cannot be reached.
    pub fn check<H: Harness>(&self, harness: H) -> bool {
        let cannot_run = harness.cannot_run();
        if let Some((name, why)) = cannot_run.iter().find(|(name, _)| *name == self.name) {
            println!("not run: {name} ({}): {why}", self.guarantee);
            return false;
        }
        let harness = Arc::new(harness);
        let opener = Arc::clone(&harness);
        let (run, members) = (self.run, self.members);
        harness.block_on(Box::pin(async move {
            let world = opener.open(members).await;
            match run {
                Run::One(run) => run(world).await,
                Run::Two(run) => run(world, opener.open(members).await).await,
            }
        }));
        true
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(_) => "one scope",
            Self::Two(_) => "two scopes",
        })
    }
}

/// Every case, in the order of the list.
#[must_use]
pub fn cases() -> &'static [Case] {
    CASES
}

/// The case of this name.
#[must_use]
pub fn case(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

/// Checks that a harness excuses itself from cases that exist, once from each
/// and with a reason, and lists them.
///
/// # Panics
/// Where it does not.
pub fn check_exceptions<H: Harness>(harness: &H) {
    let exceptions = harness.cannot_run();
    for (index, (name, why)) in exceptions.iter().enumerate() {
        assert!(
            case(name).is_some(),
            "{name} is excused, and there is no such case"
        );
        assert!(!why.trim().is_empty(), "{name} is excused without a reason");
        let again = exceptions
            .iter()
            .skip(index + 1)
            .any(|(other, _)| other == name);
        assert!(!again, "{name} is excused twice");
        println!("not run: {name}: {why}");
    }
    println!(
        "{} of {} cases run",
        CASES.len() - exceptions.len(),
        CASES.len()
    );
}

macro_rules! list {
    ({} $($module:ident $name:ident $guarantee:literal $scopes:ident $members:literal $about:literal;)*) => {
        const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            guarantee: $guarantee,
            about: $about,
            members: $members,
            run: list!(@$scopes crate::cases::$module::$name),
        }),*];
    };
    (@One $run:path) => { Run::One(|world| Box::pin($run(world))) };
    (@Two $run:path) => { Run::Two(|world, other| Box::pin($run(world, other))) };
}
crate::for_each_case!(list);
