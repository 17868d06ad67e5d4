//! What becomes of the API server.

use std::time::Duration;

use dcs_fakeapi::{Action, Disturbance, Lag, On, Reply, Verb};
use dcs_faults::covers;

use crate::cluster::{Cluster, TAKE_OVER, TTL, in_both_modes};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn hits(cluster: &Cluster) -> u64 {
    let requests = cluster.fake.requests().into_iter();
    let disturbed = requests.filter(|asked| !asked.faults.is_empty());
    u64::try_from(disturbed.count()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_api_server_costs_no_term() {
    let restart = covers(13);
    in_both_modes(3, async |cluster| {
        cluster.fake.disturb_watches(&On::any(), Disturbance::Break);
        cluster.fake.fault(On::any(), Action::Refuse);
        cluster.pass(seconds(5)).await;
        cluster.fake.clear_faults();
        // Its rights are not there yet.
        cluster.fake.fault(On::any(), Action::Forbid);
        cluster.pass(seconds(2)).await;
        cluster.fake.clear_faults();
        cluster.pass(seconds(120)).await;
        assert_eq!((cluster.leader(), cluster.terms(0)), (Some(0), 1));
        restart.hit_times(hits(&cluster));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shuts_down_politely_costs_no_term() {
    let politely = covers(14);
    in_both_modes(3, async |cluster| {
        let goes = Action::Answer(Reply::shutting_down());
        cluster.fake.fault(On::any(), goes);
        cluster.fake.disturb_watches(&On::any(), Disturbance::Close);
        cluster.pass(seconds(5)).await;
        cluster.fake.clear_faults();
        cluster.pass(seconds(120)).await;
        assert_eq!((cluster.leader(), cluster.terms(0)), (Some(0), 1));
        politely.hit_times(hits(&cluster));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_everyone_to_wait_for_an_hour_keeps_nobody_waiting_for_that() {
    let hostile = covers(16);
    in_both_modes(3, async |cluster| {
        let busy = Reply::too_many_requests(3_600);
        cluster.fake.fault(On::any(), Action::Answer(busy));
        cluster.pass(TTL).await;
        assert_eq!(cluster.leader(), None, "belief is over in time");
        cluster.fake.clear_faults();
        // As after any outage: not a minute later, as every answer asked for.
        cluster.led_within(TAKE_OVER).await;
        hostile.hit_times(hits(&cluster));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn members_of_a_server_that_lags_behind_go_by_no_older_version() {
    let behind = covers(69);
    in_both_modes(3, async |cluster| {
        let reads = cluster.of(1).verb(Verb::Watch).verb(Verb::List);
        cluster
            .fake
            .fault(reads.verb(Verb::Get), Action::Stale(Lag::Time(seconds(5))));
        cluster
            .fake
            .disturb_watches(&cluster.of(1), Disturbance::Break);
        cluster.pass(seconds(60)).await;
        assert_eq!((cluster.leader(), cluster.terms(0)), (Some(0), 1));
        cluster.kill(0);
        let next = cluster.replaced_within(0, TAKE_OVER).await;
        cluster.pass(seconds(120)).await;
        assert_eq!(cluster.leader(), Some(next));
        behind.hit_times(cluster.disturbed(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_restore_from_a_backup_one_leads_and_nobody_before_the_wait() {
    let restored = covers(70);
    in_both_modes(3, async |cluster| {
        let back = cluster.fake.revision() - 1;
        cluster.pass(seconds(60)).await;
        cluster.fake.restore(back).unwrap();
        cluster.pass(seconds(25)).await;
        cluster.led_within(TTL * 4).await;
        cluster.pass(seconds(120)).await;
        assert!(cluster.leader().is_some());
        restored.hit();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_candidates_at_one_expiry_one_wins_and_the_others_write_little() {
    let herd = covers(79);
    in_both_modes(101, async |cluster| {
        cluster.kill(0);
        cluster.fake.clear_requests();
        cluster.replaced_within(0, TAKE_OVER).await;
        cluster.pass(seconds(1)).await;
        let requests = cluster.fake.requests();
        for number in 1..=100 {
            let client = &cluster.members[number].client;
            let own = requests.iter().filter(|asked| asked.client == *client);
            let asked = own.filter(|asked| asked.verb != Some(Verb::Watch)).count();
            assert!(asked <= 3, "m{number} asked {asked} times");
        }
        herd.hit_times(100);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_of_pods_that_nobody_gets_keeps_nobody_from_leading() {
    let flood = covers(74);
    in_both_modes(2, async |mut cluster| {
        let lists = On::any().verb(Verb::List).kind("pods");
        cluster.fake.fault(lists, Action::Hang);
        cluster.join(3).await;
        cluster.pass(seconds(60)).await;
        assert_eq!((cluster.leader(), cluster.terms(0)), (Some(0), 1));
        cluster.kill(1);
        cluster.kill(0);
        assert_eq!(cluster.replaced_within(0, TAKE_OVER).await, 2);
        flood.hit_times(hits(&cluster));
    })
    .await;
}
