//! The stream of events: one term after the other, and the present state first.

use dcs_core::election::{ElectionEvent, EventKind, Events};
use dcs_core::{Entropy, FencingToken, Timestamp};
use dcs_memory::SeededEntropy;
use futures_util::{FutureExt, StreamExt};

use crate::support::{Member, TTL, World, ms, s, told};

/// What one stream has said so far.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    leader: Option<EventKind>,
    term: Option<(FencingToken, Timestamp)>,
}

/// One stream from its beginning on, and whether it kept its promises.
struct Reader {
    events: Events,
    state: State,
    newest: Option<FencingToken>,
    ends: usize,
}

impl Reader {
    fn new(events: Events) -> Self {
        Self {
            events,
            state: State::default(),
            newest: None,
            ends: 0,
        }
    }

    fn read(&mut self) {
        for kind in told(&mut self.events) {
            self.take(kind);
        }
    }

    fn take(&mut self, kind: EventKind) {
        match kind {
            EventKind::Elected { token, until } => {
                assert_eq!(self.state.term, None, "a term within a term");
                assert!(self.newest < Some(token), "{token:?} is no newer term");
                self.newest = Some(token);
                self.state.term = Some((token, until));
            }
            EventKind::Renewed { token, until } => {
                let (open, reached) = self.state.term.expect("a renewal of a term that is over");
                assert!(open == token && reached < until, "{token:?} until {until}");
                self.state.term = Some((token, until));
            }
            EventKind::Lost { token, .. } | EventKind::Released { token } => {
                let open = self.state.term.take().map(|term| term.0);
                assert_eq!(open, Some(token), "an end of a term that was not open");
                self.ends += 1;
            }
            EventKind::Leader { .. } => self.state.leader = Some(kind),
            _ => {}
        }
    }
}

/// What a member meets in a bad hour.
async fn trouble(world: &World, members: &[Member], bits: u128) {
    for member in members {
        member.elector.contend().unwrap();
    }
    world
        .pass(ms(u64::try_from((bits >> 90) % 40_000).unwrap()))
        .await;
    let member = &members[usize::try_from(bits % 3).unwrap()];
    match (bits >> 8) % 8 {
        0 => drop(member.elector.acquire().now_or_never()),
        1 => member.elector.step_down().await.unwrap(),
        2 => drop(world.store.delete_leader(&world.scope)),
        3 => drop(world.store.bump_leader(&world.scope)),
        4 => member.dcs.lose_next_answer(),
        5 => member.dcs.break_watch_with_gap(),
        6 => member.dcs.cut_off(),
        _ => drop(
            world
                .store
                .edit_leader(&world.scope, |record| record.holder = None),
        ),
    }
    world
        .pass(ms(u64::try_from((bits >> 40) % 40_000).unwrap()))
        .await;
    member.dcs.heal();
}

#[tokio::test(start_paused = true)]
async fn terms_follow_each_other_and_a_late_subscriber_is_told_the_present_state_first() {
    let world = World::new();
    let members = ["a", "b", "c"].map(|name| world.member(name));
    let mut readers = members
        .each_ref()
        .map(|member| Reader::new(member.elector.events()));
    let chance = SeededEntropy::new(7);
    for _ in 0..300 {
        trouble(&world, &members, chance.bits()).await;
        for (member, reader) in members.iter().zip(&mut readers) {
            reader.read();
            let mut late = Reader::new(member.elector.events());
            late.read();
            assert_eq!(late.state, reader.state);
            assert_eq!(late.ends, 0, "it was told of what is over");
        }
    }
    let ends: usize = readers.iter().map(|reader| reader.ends).sum();
    assert!(ends > 50, "only {ends} terms ended: nothing was tried");
}

async fn kinds(mut events: Events) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    while let Some(ElectionEvent { kind, .. }) = events.next().await {
        kinds.push(kind);
    }
    kinds
}

#[tokio::test(start_paused = true)]
async fn after_a_loss_a_late_subscriber_is_told_the_leader_and_no_term() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.elector.acquire().await.unwrap();
    a.dcs.cut_off();
    world.pass(TTL * 2).await;
    assert!(!lease.is_valid());
    let told = told(&mut a.elector.events());
    assert!(matches!(told[..], [EventKind::Leader { .. }]), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn the_release_of_a_driver_that_ends_is_told_before_the_stream_ends() {
    let world = World::new();
    let a = world.member("a");
    let events = a.elector.events();
    drop((a.elector.acquire().await.unwrap(), a.elector));
    let kinds = kinds(events).await;
    let released = |kind: &EventKind| matches!(kind, EventKind::Released { .. });
    assert!(kinds.iter().any(released), "{kinds:?}");
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn the_streams_of_a_driver_that_is_gone_end_and_tell_of_no_open_term() {
    let world = World::new();
    let a = world.member("a");
    let _lease = a.elector.acquire().await.unwrap();
    let before = a.elector.events();
    a.crash();
    world.pass(s(1)).await;
    let late = kinds(a.elector.events()).await;
    assert!(matches!(late[..], [EventKind::Leader { .. }]), "{late:?}");
    let before = kinds(before).await;
    let elected = |kind: &EventKind| matches!(kind, EventKind::Elected { .. });
    assert!(before.iter().any(elected), "{before:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_a_member_that_contends_is_dropped() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let _lease = b.elector.acquire().await.unwrap();
    let events = a.elector.events();
    a.elector.contend().unwrap();
    world.pass(s(1)).await;
    drop(a.elector);
    kinds(events).await;
}
