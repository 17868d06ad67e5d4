//! What a user may want of an election beside leading: who is to lead, and when
//! nobody is to take over.

use super::elector::{ElectionEnded, Elector};
use super::eligibility::Eligibility;
use super::machine::Command;
use crate::MemberName;

impl Elector {
    /// While paused this member acquires nothing (Patroni's maintenance mode,
    /// for this member alone). A term that is open goes on and is renewed; if it
    /// ends, this member takes no other one until [`Elector::resume`]. An
    /// acquiring write that is under way already may still open a term.
    ///
    /// Others are not kept from anything: to pause a scope, pause each member,
    /// or write `"pause": true` into the config key that all follow.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn pause(&self) -> Result<(), ElectionEnded> {
        self.set_paused(true)
    }

    /// Ends a pause of this member. What was seen meanwhile counts: a version that
    /// was waited for during the pause may be replaced at once.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn resume(&self) -> Result<(), ElectionEnded> {
        self.set_paused(false)
    }

    /// Whether [`Elector::pause`] was called last, and not [`Elector::resume`]:
    /// the pause of this member, whatever the config key says.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.shared.paused()
    }

    /// Whether the config key, if it is followed, says that the whole scope is
    /// paused (Patroni's maintenance mode). [`Elector::resume`] does not end it.
    /// False before the watch has shown the key.
    #[must_use]
    pub fn is_scope_paused(&self) -> bool {
        self.shared.is_scope_paused()
    }

    /// Whether, and after whom, this member takes leadership from now on. A
    /// leader that becomes [`Eligibility::Never`] gives its term up, as by
    /// [`Elector::step_down`], but goes on contending: stop the work first,
    /// unless it runs under [`Elector::lead`], which does so by itself.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn set_eligibility(&self, eligibility: Eligibility) -> Result<(), ElectionEnded> {
        self.command(Command::Eligibility(eligibility))
    }

    /// Who is to lead next when this member gives a term up on purpose; `None`
    /// for anyone. It stays until it is set anew;
    /// [`Lease::release_to`](super::Lease::release_to) is for one release.
    ///
    /// The release says so, and other members then leave it to the successor
    /// for one `loop_wait` from when they saw it: that is all that a dead
    /// successor costs. A candidate in the failover key, which an operator
    /// wrote, goes before it.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn set_successor(&self, successor: Option<MemberName>) -> Result<(), ElectionEnded> {
        self.command(Command::Successor(successor))
    }

    fn set_paused(&self, paused: bool) -> Result<(), ElectionEnded> {
        // Held until it is sent: the order of the commands is that of the words.
        let mut is_paused = self.shared.paused();
        self.command(Command::Pause(paused))?;
        *is_paused = paused;
        Ok(())
    }
}
