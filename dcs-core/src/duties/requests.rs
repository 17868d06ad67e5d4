//! What the leader remembers, so that each request is obeyed once.

use crate::election::{TermError, TermKeys};
use crate::{Failover, FencingToken, Revision};

use super::{Decision, Situation, Why, decide};

/// The requests to hand over, from turn to turn.
///
/// A request is obeyed at most once: who obeys one remembers it as done, and
/// whoever leads next takes what stands when its term begins for done. The key
/// is left in place for the hand-over itself, so that the others see who is to
/// follow; clearing it is the next leader's first act.
#[derive(Debug, Default)]
pub(super) struct Requests {
    term: Option<FencingToken>,
    /// The request that nothing but removing is left to do with.
    done: Option<(Failover, Why)>,
    /// What stood there before this revision has been removed: the view
    /// lags behind the store.
    removed_at: Option<Revision>,
}

impl Requests {
    /// What to do with the request that the view shows. One that is to be
    /// removed has been when this returns, or stays to be removed.
    pub(super) async fn turn(
        &mut self,
        of: &Situation<'_>,
        keys: &TermKeys,
    ) -> Result<Decision, TermError> {
        let token = keys.token();
        if !shows_the_term(of, token) {
            return Ok(Decision::Nothing);
        }
        let is_new_term = self.term.replace(token) != Some(token);
        if is_new_term {
            // Where the store was restored from a copy, revisions went back.
            self.removed_at = None;
        }
        let entry = &of.view.failover;
        let shown = entry.get().filter(|request| !request.is_empty());
        let request = shown.filter(|_| entry.revision >= self.removed_at);
        let Some(request) = request else {
            if shown.is_none() {
                self.done = None;
            }
            return Ok(Decision::Nothing);
        };
        let decision = decide(request, of);
        if is_new_term {
            self.done = was_for_others(request, of, &decision);
        }
        let done = self.done.take().filter(|(done, _)| done == request);
        match (done, decision) {
            (Some((_, why)), _) | (None, Decision::Clear(why)) => {
                self.remove(request, why, keys).await
            }
            (None, Decision::HandOver(to)) => {
                self.done = Some((request.clone(), Why::Obeyed));
                Ok(Decision::HandOver(to))
            }
            (None, later) => Ok(later),
        }
    }

    async fn remove(
        &mut self,
        request: &Failover,
        why: Why,
        keys: &TermKeys,
    ) -> Result<Decision, TermError> {
        self.done = Some((request.clone(), why));
        let (_, removed_at) = keys.consume(request).await?;
        self.done = None;
        self.removed_at = removed_at;
        Ok(Decision::Clear(why))
    }
}

/// Whether the view is as new as the term. One that lags behind it may come to
/// show what stood there before the term only later.
fn shows_the_term(of: &Situation<'_>, token: FencingToken) -> bool {
    let shown = of.view.leader.revision;
    shown.is_some_and(|shown| shown.get() >= token.get())
}

/// What stood there before the term was for the leader before, who has obeyed it
/// or has not: nobody can tell, and obeyed twice would be worse. Only what names
/// this member and is not due yet cannot have been obeyed.
fn was_for_others(
    request: &Failover,
    of: &Situation<'_>,
    decision: &Decision,
) -> Option<(Failover, Why)> {
    let is_ours = request.leader.as_ref() == Some(of.me);
    if is_ours && matches!(decision, Decision::NotYet(_)) {
        return None;
    }
    let why = match decision {
        Decision::Clear(why) => *why,
        _ => Why::BeforeTheTerm,
    };
    Some((request.clone(), why))
}
