//! Which server comes next, and when the list of them is read.

use dcs_core::TokioClock;
use serde_json::{Value, json};

use super::*;

#[derive(Debug)]
struct Always(u128);

impl Entropy for Always {
    fn bits(&self) -> u128 {
        self.0
    }
}

fn server(last: u8) -> SocketAddr {
    SocketAddr::new([192, 0, 2, last].into(), 6443)
}

fn found(subsets: &Value) -> Found {
    serde_json::from_value(json!({"subsets": subsets})).unwrap()
}

/// The Endpoints of servers with these last numbers.
fn servers(last: &[u8]) -> Found {
    let addresses = last.iter().map(|last| json!({"ip": server(*last).ip()}));
    found(&json!([{
        "addresses": addresses.collect::<Value>(),
        "ports": [{"name": "https", "port": 6443}],
    }]))
}

fn list(bits: u128) -> Arc<ServerList> {
    let list = ServerList::new(Arc::new(TokioClock::new()), Arc::new(Always(bits)));
    Arc::new(list)
}

/// Past the Service to whatever the list has; nothing is sent.
fn each(list: &Arc<ServerList>) -> Each {
    let config = kube::Config::new("http://192.0.2.100:6443".parse().unwrap());
    Each {
        service: Own::new(config).unwrap(),
        list: Arc::clone(list),
        chosen: Mutex::default(),
    }
}

fn place(each: &Each) -> Place {
    each.choose().0
}

/// A request that went there was not answered.
fn failed(each: &Each, place: Place) {
    let made = Made::FIRST;
    each.failed(Sent { place, made }, Trouble::Unanswered);
}

#[tokio::test(start_paused = true)]
async fn the_list_is_read_at_once_and_again_when_it_is_ten_seconds_old() {
    let list = list(0);
    assert!(list.is_due());
    assert!(!list.is_due());
    tokio::time::advance(Duration::from_millis(9_999)).await;
    assert!(!list.is_due());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(list.is_due());
    assert!(!list.is_due());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_was_refused_is_never_read_again_and_leaves_the_service() {
    let list = list(0);
    list.saw(&servers(&[1]));
    let each = each(&list);
    assert_eq!(place(&each), Place::Server(server(1)));
    list.refused();
    tokio::time::advance(REFRESH * 100).await;
    assert!(!list.is_due());
    assert_eq!(place(&each), Place::Service);
}

#[tokio::test]
async fn chance_says_which_server_is_the_first() {
    for (bits, first) in [(0, 1), (1, 2), (2, 3), (3, 1)] {
        let list = list(bits);
        list.saw(&servers(&[3, 1, 2]));
        assert_eq!(list.servers().first(), Some(&server(first)), "{bits}");
    }
}

#[tokio::test]
async fn the_same_servers_keep_their_order_and_an_empty_list_takes_none_away() {
    let list = list(1);
    list.saw(&servers(&[1, 2, 3]));
    let before = list.servers();
    let changes = Arc::new(ServerList {
        clock: Arc::new(TokioClock::new()),
        entropy: Arc::new(Always(2)),
        state: Mutex::new(ListState {
            servers: before.clone(),
            ..ListState::default()
        }),
    });
    for same in [servers(&[3, 2, 1]), found(&json!([])), found(&Value::Null)] {
        changes.saw(&same);
        assert_eq!(changes.servers(), before);
    }
    changes.saw(&servers(&[1, 2]));
    assert_eq!(changes.servers().len(), 2);
}

#[tokio::test]
async fn only_the_tcp_port_named_https_is_a_servers() {
    let of = |ports: Value| {
        let subsets = json!([{"addresses": [{"ip": "192.0.2.1"}], "ports": ports}]);
        found(&subsets).servers()
    };
    assert_eq!(of(json!([{"name": "http", "port": 80}])), []);
    let udp = json!({"name": "https", "port": 443, "protocol": "UDP"});
    assert_eq!(of(json!([udp])), []);
    let tcp = json!({"name": "https", "port": 6443, "protocol": "TCP"});
    assert_eq!(of(json!([udp, tcp])), [server(1)]);
    assert_eq!(of(Value::Null), []);
}

#[tokio::test]
async fn each_failure_moves_on_by_one_and_the_service_comes_last() {
    let list = list(0);
    list.saw(&servers(&[1, 2]));
    let each = each(&list);
    let [one, two] = [1, 2].map(|last| Place::Server(server(last)));
    assert_eq!(place(&each), one);
    failed(&each, one);
    assert_eq!(place(&each), two);
    // The late answer of a request that went to the first one.
    failed(&each, one);
    assert_eq!(place(&each), two);
    failed(&each, two);
    assert_eq!(place(&each), Place::Service);
    failed(&each, one);
    assert_eq!(place(&each), Place::Service);
    failed(&each, Place::Service);
    assert_eq!(place(&each), one);
}

#[tokio::test]
async fn refused_credentials_say_nothing_against_a_server() {
    let list = list(0);
    list.saw(&servers(&[1, 2]));
    let each = each(&list);
    let sent = Sent {
        place: place(&each),
        made: Made::FIRST,
    };
    each.failed(sent, Trouble::Denied);
    assert_eq!(place(&each), Place::Server(server(1)));
}

#[tokio::test]
async fn a_server_that_left_the_list_is_left() {
    let list = list(0);
    list.saw(&servers(&[1, 2]));
    let each = each(&list);
    assert_eq!(place(&each), Place::Server(server(1)));
    list.saw(&servers(&[2]));
    assert_eq!(place(&each), Place::Server(server(2)));
}
