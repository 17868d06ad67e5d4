//! The proxy between a client and a server that the tests hold in their hands.
//!
//! Where time matters it is virtual: tokio's paused clock goes on by itself
//! when nothing else can happen.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test, as the test itself does"
)]
#![expect(clippy::disallowed_methods, reason = "the clock is paused")]

mod support;

use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::time::Duration;

use dcs_cluster::proxy::{Proxy, Way};
use dcs_cluster::{Cluster, Kubeconfig, Options};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::Instant;

use support::Client;
use support::connection::{
    came, connect, hear, hear_nothing, hear_the_end, read_error, say, start, within_limit,
};

const DELAY: Duration = Duration::from_secs(9);

#[tokio::test]
async fn bytes_and_ends_pass_both_ways() {
    let (_proxy, mut client, mut server, _) = start().await;

    say(&mut client, "ask").await;
    hear(&mut server, "ask").await;
    client.shutdown().await.unwrap();
    hear_the_end(&mut server).await;
    say(&mut server, "answer").await;
    drop(server);

    hear(&mut client, "answer").await;
    hear_the_end(&mut client).await;
}

#[tokio::test]
async fn a_client_that_resets_its_connection_resets_the_servers() {
    let (_proxy, mut client, mut server, _) = start().await;
    say(&mut client, "ask").await;
    hear(&mut server, "ask").await;

    client.set_zero_linger().unwrap();
    drop(client);

    assert_eq!(read_error(&mut server).await, ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_delayed_come_late_and_requests_do_not() {
    let (proxy, mut client, mut server, _) = start().await;
    let began = Instant::now();

    proxy.delay(&[Way::Answers], DELAY);
    say(&mut client, "ask").await;
    hear(&mut server, "ask").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    say(&mut server, "answer").await;
    hear(&mut client, "answer").await;

    assert_eq!(began.elapsed().as_secs(), DELAY.as_secs());
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_delayed_keep_their_order_and_their_distance() {
    let (proxy, mut client, mut server, _) = start().await;
    let began = Instant::now();

    proxy.delay(&[Way::Requests], DELAY);
    for (at, text) in (1..).zip(["one", "two", "three"]) {
        say(&mut client, text).await;
        came(&proxy, Way::Requests, [3, 6, 11][at - 1]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    for (at, text) in (0..).zip(["one", "two", "three"]) {
        hear(&mut server, text).await;
        assert_eq!(began.elapsed().as_secs(), DELAY.as_secs() + at);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_delay_holds_for_bytes_on_their_way() {
    let (proxy, mut client, mut server, _) = start().await;
    let began = Instant::now();
    proxy.delay(&Way::BOTH, DELAY);
    say(&mut client, "ask").await;
    came(&proxy, Way::Requests, 3).await;

    proxy.delay(&Way::BOTH, Duration::ZERO);

    hear(&mut server, "ask").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_trickle_pass_so_many_a_second() {
    for (rate, seconds) in [(1, 4), (2, 2), (20, 0)] {
        let (proxy, mut client, mut server, _) = start().await;
        proxy.trickle(&[Way::Answers], NonZeroU32::new(rate));
        let began = Instant::now();

        say(&mut client, "ask").await;
        hear(&mut server, "ask").await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        say(&mut server, "reply").await;
        hear(&mut client, "reply").await;

        assert_eq!(began.elapsed().as_secs(), seconds, "{rate} a second");
    }
}

#[tokio::test(start_paused = true)]
async fn what_trickled_passes_at_once_when_it_may() {
    let (proxy, mut client, mut server, _) = start().await;
    proxy.trickle(&Way::BOTH, NonZeroU32::new(1));
    let began = Instant::now();
    say(&mut client, "ask").await;
    hear(&mut server, "a").await;

    proxy.trickle(&Way::BOTH, None);

    hear(&mut server, "sk").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn nothing_passes_on_connections_that_are_stranded_and_new_ones_are_carried() {
    let (proxy, mut client, mut server, listener) = start().await;

    proxy.strand();
    say(&mut client, "ask").await;
    came(&proxy, Way::Requests, 3).await;
    hear_nothing(&mut server).await;
    let (mut second, mut peer) = connect(proxy.address(), &listener).await;
    say(&mut second, "ask").await;
    hear(&mut peer, "ask").await;
    proxy.thaw(&Way::BOTH);
    hear_nothing(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_held_on_a_stranded_connection_arrives_after_a_heal() {
    let (mut proxy, mut client, mut server, _) = start().await;
    proxy.strand();
    say(&mut client, "late").await;
    came(&proxy, Way::Requests, 4).await;

    proxy.heal().await.unwrap();

    hear(&mut server, "late").await;
}

#[tokio::test(start_paused = true)]
async fn a_frozen_way_holds_all_and_the_other_goes_on() {
    for (frozen, free) in [(Way::Requests, Way::Answers), (Way::Answers, Way::Requests)] {
        let (proxy, client, server, _) = start().await;
        let (mut sender, mut receiver) = match frozen {
            Way::Requests => (client, server),
            Way::Answers => (server, client),
        };

        proxy.freeze(&[frozen]);
        say(&mut sender, "held").await;
        came(&proxy, frozen, 4).await;
        hear_nothing(&mut receiver).await;
        say(&mut receiver, "free").await;
        hear(&mut sender, "free").await;

        assert_eq!(
            proxy.counts().requests.passed,
            if free == Way::Requests { 4 } else { 0 }
        );
        assert_eq!(
            proxy.counts().answers.passed,
            if free == Way::Answers { 4 } else { 0 }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_held_arrives_after_a_thaw_even_if_its_sender_has_left() {
    let (proxy, mut client, mut server, _) = start().await;
    proxy.freeze(&Way::BOTH);
    say(&mut client, "late").await;
    came(&proxy, Way::Requests, 4).await;
    drop(client);
    hear_nothing(&mut server).await;

    proxy.thaw(&Way::BOTH);

    hear(&mut server, "late").await;
    hear_the_end(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_opened_while_frozen_reaches_the_server_after_a_thaw() {
    let (proxy, _, _, listener) = start().await;

    proxy.freeze(&Way::BOTH);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    say(&mut client, "hello").await;
    for _ in 0..60 {
        tokio::select! {
            taken = listener.accept() => panic!("{taken:?}"),
            () = tokio::time::sleep(Duration::from_secs(60)) => {}
        }
    }
    proxy.thaw(&Way::BOTH);

    let (mut server, _) = within_limit(listener.accept()).await.unwrap();
    hear(&mut server, "hello").await;
}

#[tokio::test]
async fn a_cut_resets_connections_and_refuses_new_ones() {
    let (mut proxy, mut client, mut server, _) = start().await;
    say(&mut client, "ask").await;
    hear(&mut server, "ask").await;

    proxy.cut().await;

    // Without a chance for the proxy's tasks to do anything more.
    let refused = std::net::TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(read_error(&mut client).await, ErrorKind::ConnectionReset);
    assert_eq!(read_error(&mut server).await, ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_was_held_is_lost_with_a_cut() {
    let (mut proxy, mut client, mut server, _) = start().await;
    proxy.freeze(&Way::BOTH);
    say(&mut client, "lost").await;
    came(&proxy, Way::Requests, 4).await;

    proxy.cut().await;

    assert_eq!(read_error(&mut server).await, ErrorKind::ConnectionReset);
    let requests = proxy.counts().requests;
    assert_eq!((requests.came, requests.passed), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_healed_proxy_listens_on_its_port_again_and_has_no_fault() {
    let (mut proxy, _, _, listener) = start().await;
    let (address, began) = (proxy.address(), Instant::now());
    proxy.delay(&Way::BOTH, DELAY);
    proxy.freeze(&Way::BOTH);
    proxy.cut().await;
    proxy.freeze(&Way::BOTH);

    proxy.heal().await.unwrap();

    assert_eq!(proxy.address(), address);
    let (mut client, mut server) = connect(address, &listener).await;
    say(&mut client, "ask").await;
    hear(&mut server, "ask").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn connections_live_through_a_heal_without_a_cut() {
    let (mut proxy, mut client, mut server, _) = start().await;
    proxy.freeze(&Way::BOTH);
    proxy.delay(&Way::BOTH, DELAY);
    say(&mut client, "ask").await;
    let began = Instant::now();

    proxy.heal().await.unwrap();

    hear(&mut server, "ask").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn the_port_of_a_cut_proxy_is_not_given_to_anyone() {
    let (mut proxy, _, _, _) = start().await;

    proxy.cut().await;

    let taken = TcpListener::bind(proxy.address()).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_client_of_a_server_that_is_not_there_is_reset() {
    let (proxy, _, _, listener) = start().await;
    drop(listener);

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();

    assert_eq!(read_error(&mut client).await, ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_drop_ends_all_tasks_and_connections() {
    let (proxy, mut client, mut server, _) = start().await;
    let address = proxy.address();
    say(&mut client, "ask").await;
    hear(&mut server, "ask").await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks(), 2, "the one that listens and the connection's");

    drop(proxy);

    assert_eq!(read_error(&mut client).await, ErrorKind::ConnectionReset);
    assert_eq!(read_error(&mut server).await, ErrorKind::ConnectionReset);
    within_limit(async {
        while tasks() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn connections_and_bytes_are_counted() {
    let (proxy, mut client, mut server, listener) = start().await;
    let (mut second, mut peer) = connect(proxy.address(), &listener).await;
    for (from, to, text) in [
        (&mut client, &mut server, "ask"),
        (&mut second, &mut peer, "again"),
    ] {
        say(from, text).await;
        hear(to, text).await;
        say(to, "answer").await;
        hear(from, "answer").await;
    }

    let counts = proxy.counts();

    assert_eq!(counts.connections, 2);
    assert_eq!((counts.requests.came, counts.requests.passed), (8, 8));
    assert_eq!((counts.answers.came, counts.answers.passed), (12, 12));
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn a_kubeconfig_that_points_at_the_proxy_leads_over_verified_tls() {
    let parent = tempfile::tempdir().unwrap();
    let options = Options::new().with_parent(parent.path());
    let cluster = Cluster::start(&options).unwrap();
    let direct = Kubeconfig::read(&cluster.kubeconfig()).unwrap();
    let proxy = Proxy::start(direct.server()).await.unwrap();
    let proxied = parent.path().join("proxied");
    direct.write_pointed_at(proxy.address(), &proxied).unwrap();

    let asked = tokio::task::spawn_blocking(move || {
        let reply = Client::from_kubeconfig(&proxied).get("/version");
        reply.map(|(status, _)| status)
    });

    assert_eq!(asked.await.unwrap().unwrap(), 200);
    let counts = proxy.counts();
    assert!(
        counts.connections == 1 && counts.answers.passed > 0,
        "{counts:?}"
    );
}
