//! What goes wrong: by script, rule for rule, or by seed.

mod action;
mod on;
mod plan;
mod random;
mod reply;

use crate::target::Target;

pub use action::{Action, Disturbance, Edit, Lag};
pub use on::On;
pub use random::Rates;
pub use reply::Reply;

pub(crate) use plan::{BodyFault, Instead, Plan};

use self::random::Random;

/// What goes wrong from now on.
///
/// Every rule that matches a request fires on it, in the order of the rules;
/// their effects add up.
///
/// ```
/// use std::time::Duration;
/// use dcs_fakeapi::{Action, Faults, On, Verb};
///
/// let faults = Faults::new()
///     .on(On::any().verb(Verb::Patch).name("lock").nth(2), Action::LoseAnswer)
///     .on(On::any().kind("pods"), Action::DelayBefore(Duration::from_millis(200)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    random: Option<Random>,
}

#[derive(Clone, Debug)]
struct Rule {
    on: On,
    action: Action,
}

/// A request, as rules see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) client: &'a str,
    pub(crate) target: &'a Target,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Faults by chance: the same seed brings the same ones to the same
    /// requests in the same order.
    #[must_use]
    pub fn random(seed: u64, rates: Rates) -> Self {
        let random = Some(Random::new(seed, rates));
        Self {
            rules: Vec::new(),
            random,
        }
    }

    /// Adds a rule.
    #[must_use]
    pub fn on(mut self, on: On, action: Action) -> Self {
        self.push(on, action);
        self
    }

    pub(crate) fn push(&mut self, on: On, action: Action) {
        self.rules.push(Rule { on, action });
    }

    pub(crate) fn forget_client(&mut self, client: &str) {
        self.rules.retain(|rule| !rule.on.is_of(client));
    }

    /// What happens to this request. Counts it.
    pub(crate) fn plan(&mut self, request: Request<'_>) -> Plan {
        let mut plan = Plan::default();
        for rule in &mut self.rules {
            if rule.on.fires(request) {
                plan.add(&rule.action);
            }
        }
        if let Some(random) = &mut self.random {
            random.add_to(&mut plan, request.target.verb);
        }
        plan
    }
}
