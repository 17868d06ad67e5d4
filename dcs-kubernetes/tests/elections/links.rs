//! What becomes of the requests of one member.

use std::time::Duration;

use dcs_fakeapi::{Action, Lag, Reply, Verb};
use dcs_faults::{Covered, covers};

use crate::cluster::{Cluster, TAKE_OVER, TTL, in_both_modes};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The leader goes on for two minutes in the term that it has.
async fn goes_on(cluster: &Cluster) {
    cluster.pass(seconds(120)).await;
    assert_eq!((cluster.leader(), cluster.terms(0)), (Some(0), 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_renewal_that_is_lost_costs_no_term() {
    let lost = covers(5);
    in_both_modes(3, async |cluster| {
        let renewal = cluster.writes_of(0).once();
        cluster.fake.fault(renewal, Action::LoseAnswer);
        goes_on(&cluster).await;
        lost.hit_times(cluster.disturbed(0));
    })
    .await;
}

/// A renewal is committed, and this is what its sender is told.
async fn is_told(covered: Covered, action: impl Fn() -> Action) {
    in_both_modes(3, async |cluster| {
        cluster.fake.fault(cluster.writes_of(0).once(), action());
        goes_on(&cluster).await;
        let requests = cluster.fake.requests().into_iter();
        let applied = requests.filter(|asked| asked.applied && !asked.faults.is_empty());
        covered.hit_times(u64::try_from(applied.count()).unwrap());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_a_handler_finished_after_its_time_costs_no_term() {
    is_told(covers(10), || Action::AnswerAfter(Reply::handler_timeout())).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_committed_while_the_storage_changes_its_leader_costs_no_term() {
    is_told(covers(11), || Action::AnswerAfter(Reply::etcd_timeout())).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_committed_and_answered_by_500_costs_no_term() {
    is_told(covers(12), || Action::AnswerAfter(Reply::internal_error())).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_a_balancer_answers_by_502_costs_no_term() {
    is_told(covers(17), || {
        Action::AnswerAfter(Reply::raw(502, "<html>"))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_breaks_off_costs_no_term() {
    is_told(covers(18), || Action::CutBody).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_ends_in_the_middle_costs_no_term() {
    is_told(covers(18), || Action::TruncateBody).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_trickles_costs_no_term() {
    is_told(covers(24), || Action::Trickle(seconds(1))).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_lost_costs_no_term() {
    let lost = covers(6);
    in_both_modes(3, async |cluster| {
        let renewal = cluster.writes_of(0).once();
        cluster.fake.fault(renewal, Action::LoseRequest);
        goes_on(&cluster).await;
        lost.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_carried_out_long_after_its_sender_gave_it_up_makes_nobody_believe() {
    let late = covers(7);
    in_both_modes(3, async |cluster| {
        let renewal = cluster.writes_of(0).once();
        cluster
            .fake
            .fault(renewal, Action::DelayBefore(seconds(15)));
        while cluster.disturbed(0) == 0 {
            cluster.pass(Duration::from_millis(10)).await;
        }
        cluster.fake.fault(cluster.of(0), Action::Refuse);
        // Beyond the turn that the others had before it arrived.
        cluster.pass(seconds(26)).await;
        let requests = cluster.fake.requests();
        let late_ones = requests.iter().filter(|asked| {
            asked.applied && asked.client == cluster.members[0].client && !asked.faults.is_empty()
        });
        let late_ones = u64::try_from(late_ones.count()).unwrap();
        // All wait anew, from the version that appeared.
        assert_eq!(cluster.leader(), None);
        cluster.replaced_within(0, TAKE_OVER).await;
        late.hit_times(late_ones);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_acquiring_write_of_a_member_that_is_dead_keeps_the_others_waiting_and_no_longer() {
    let dead = covers(8);
    in_both_modes(2, async |cluster| {
        cluster.kill(0);
        let acquires = cluster.writes_of(1).once();
        cluster
            .fake
            .fault(acquires, Action::DelayBefore(seconds(1)));
        while cluster.disturbed(1) == 0 {
            cluster.pass(Duration::from_millis(10)).await;
        }
        cluster.kill(1);
        cluster.pass(seconds(2)).await;
        assert_eq!(cluster.leader(), None);
        let mut cluster = cluster;
        cluster.join(3).await;
        assert_eq!(cluster.led_within(TAKE_OVER).await, 2);
        dead.hit();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_arrives_again_after_the_next_term_began_ends_nothing() {
    let late = covers(9);
    in_both_modes(1, async |cluster| {
        let release = cluster.writes_of(0).once();
        cluster.fake.fault(release, Action::Replay(seconds(50)));
        cluster.members[0].elector.step_down().await.unwrap();
        assert_eq!(cluster.leader(), None);
        cluster.members[0].elector.contend().unwrap();
        cluster.led_within(TAKE_OVER).await;
        cluster.pass(seconds(120)).await;
        assert_eq!((cluster.leader(), cluster.terms(0)), (Some(0), 2));
        late.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_take_longer_than_usual_cost_no_term_and_lengthen_none() {
    let slow = covers(20);
    in_both_modes(3, async |cluster| {
        cluster
            .fake
            .fault(cluster.writes_of(0), Action::DelayAfter(seconds(3)));
        goes_on(&cluster).await;
        slow.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_has_lost_before_another_one_leads() {
    let cut_off = covers(25);
    in_both_modes(3, async |cluster| {
        cluster.fake.fault(cluster.of(0), Action::Hang);
        let next = cluster.replaced_within(0, TAKE_OVER).await;
        cluster.fake.clear_faults();
        cluster.pass(seconds(120)).await;
        assert_eq!(cluster.leader(), Some(next));
        cut_off.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_writes_arrive_unanswered_stops_renewing_and_is_followed() {
    let one_way = covers(26);
    in_both_modes(3, async |cluster| {
        cluster.fake.fault(cluster.of(0), Action::HangAfter);
        cluster.pass(TTL).await;
        assert_eq!(cluster.leader(), None);
        // Its last renewal may have arrived just before its belief was over.
        cluster.replaced_within(0, TTL + TAKE_OVER).await;
        one_way.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_goes_on_does_not_lengthen_the_belief_of_whose_writes_fail() {
    let one_of_two = covers(27);
    in_both_modes(3, async |cluster| {
        let fails = Action::Answer(Reply::internal_error());
        cluster.fake.fault(cluster.writes_of(0), fails);
        cluster.loses_and_is_replaced_within(0, TAKE_OVER).await;
        one_of_two.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_watch_fails_goes_on_by_its_writes() {
    let one_of_two = covers(27);
    in_both_modes(3, async |cluster| {
        let watches = cluster.of(0).verb(Verb::Watch).verb(Verb::List);
        cluster.fake.fault(watches, Action::Hang);
        let all = cluster.of(0);
        let silence = dcs_fakeapi::Disturbance::Silence;
        assert!(cluster.fake.disturb_watches(&all, silence) > 0);
        goes_on(&cluster).await;
        one_of_two.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_read_that_should_be_current_and_is_not_costs_a_refused_write() {
    let stale = covers(39);
    in_both_modes(3, async |cluster| {
        for number in [1, 2] {
            // What was acquired has to be read back, and is not to be seen.
            let acquires = cluster.writes_of(number).once();
            cluster.fake.fault(acquires, Action::LoseAnswer);
            let reads = cluster.of(number).verb(Verb::Get);
            let behind = Action::Stale(Lag::Revisions(1));
            cluster.fake.fault(reads, behind);
        }
        cluster.kill(0);
        let next = cluster.replaced_within(0, TAKE_OVER * 3).await;
        cluster.pass(seconds(120)).await;
        assert_eq!(cluster.leader(), Some(next));
        let requests = cluster.fake.requests().into_iter();
        let reads = requests.filter(|asked| asked.verb == Some(Verb::Get));
        let old = reads.filter(|asked| !asked.faults.is_empty());
        stale.hit_times(u64::try_from(old.count()).unwrap());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_rights_are_taken_away_is_followed() {
    let denied = covers(51);
    in_both_modes(3, async |cluster| {
        cluster.fake.fault(cluster.writes_of(0), Action::Forbid);
        let within = TTL + TAKE_OVER;
        cluster.loses_and_is_replaced_within(0, within).await;
        denied.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_seconds_costs_no_term() {
    let flap = covers(52);
    in_both_modes(3, async |cluster| {
        let first = cluster.writes_of(0).times(2);
        cluster.fake.fault(first, Action::Forbid);
        goes_on(&cluster).await;
        flap.hit_times(cluster.disturbed(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_admission_changes_is_not_believed() {
    let changed = covers(53);
    in_both_modes(3, async |cluster| {
        let edit = dcs_fakeapi::Edit::new(|body| {
            let holder = body.pointer_mut("/metadata/annotations/leader");
            if let Some(holder) = holder {
                *holder = "somebody-else".into();
            }
        });
        cluster
            .fake
            .fault(cluster.writes_of(0), Action::EditRequest(edit));
        let next = cluster.replaced_within(0, TTL * 4).await;
        assert_ne!(next, 0);
        changed.hit_times(cluster.disturbed(0));
    })
    .await;
}
