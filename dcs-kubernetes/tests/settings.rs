//! Every setting of Patroni's, from its file and from its environment: what it
//! does to the requests.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use dcs_core::duties::Routing;
use dcs_core::{Dcs, MemberRecord, TokioClock};
use dcs_kubernetes::{KubernetesSettings, Mode};
use serde_json::{Map, json};
use support::samples::{at, held, leader, name};
use support::scripted::{Asked, Reply, client, list, object};

/// One setting, and a part of the requests that is there because of it.
struct Row {
    setting: &'static str,
    /// What else is set, in the file, so that it has an effect.
    beside: &'static str,
    yaml: &'static str,
    variable: &'static str,
    effect: &'static str,
}

const ROWS: [Row; 12] = [
    row("namespace", "spilo", "spilo", "/namespaces/spilo/"),
    row(
        "labels",
        "{application: spilo, tier: 7}",
        "application: spilo, tier: 7",
        "labelSelector=application%3Dspilo%2Ctier%3D7%2Ccluster-name%3Ddemo",
    ),
    row(
        "scope_label",
        "spilo/scope",
        "spilo/scope",
        "labelSelector=spilo%2Fscope%3Ddemo",
    ),
    row(
        "role_label",
        "spilo-role",
        "spilo-role",
        r#""spilo-role":"primary""#,
    ),
    row(
        "leader_label_value",
        "master",
        "master",
        r#""role":"master""#,
    ),
    row(
        "follower_label_value",
        "standby",
        "standby",
        r#""role":"standby""#,
    ),
    row(
        "standby_leader_label_value",
        "far",
        "far",
        r#""role":"far""#,
    ),
    Row {
        beside: "leader_label_value: boss",
        ..row(
            "tmp_role_label",
            "tmp-role",
            "tmp-role",
            r#""tmp-role":"primary""#,
        )
    },
    row(
        "bootstrap_labels",
        "{boot: soon}",
        r#"{"boot": "soon"}"#,
        r#""boot":"soon""#,
    ),
    row(
        "use_endpoints",
        "on",
        "TRUE",
        "PATCH /api/v1/namespaces/default/endpoints/demo ",
    ),
    in_endpoints("pod_ip", "192.0.2.77", "192.0.2.77", r#""ip":"192.0.2.77""#),
    in_endpoints(
        "ports",
        "[{name: postgresql, port: '5433'}, {name: api, port: 8008, protocol: TCP}]",
        "{name: postgresql, port: 5433}, {name: api, port: 8008, protocol: TCP}",
        r#"{"name":"postgresql","port":5433},{"name":"api","port":8008"#,
    ),
];

/// Settings whose effect is no part of a request to a scripted server, each
/// with where it is tested.
const ELSEWHERE: [(&str, &str); 4] = [
    ("retriable_http_codes", "below, and tests/outcome.rs"),
    ("bypass_api_service", "below, and tests/bypass.rs"),
    ("cacert", "src/kubernetes_settings/cluster.rs"),
    ("context", "src/kubernetes_settings/cluster.rs"),
];

#[tokio::test(start_paused = true)]
async fn each_setting_of_the_file_has_its_effect_on_the_requests() {
    for row in ROWS {
        let with = format!("{}\n{}: {}", row.beside, row.setting, row.yaml);
        let with = requests(&KubernetesSettings::from_yaml(&with).unwrap()).await;
        let without = KubernetesSettings::from_yaml(row.beside).unwrap();
        row.judge(&with, &requests(&without).await);
    }
}

#[tokio::test(start_paused = true)]
async fn each_variable_has_the_effect_of_its_setting() {
    for row in ROWS {
        let beside = KubernetesSettings::from_yaml(row.beside).unwrap();
        let variable = format!("PATRONI_KUBERNETES_{}", row.setting.to_uppercase());
        let of = |text: &'static str| {
            let lookup = |asked: &str| (asked == variable).then(|| text.to_owned());
            KubernetesSettings::from_lookup(lookup).unwrap()
        };
        let with = requests(&of(row.variable).over(beside.clone())).await;
        // An empty variable is none.
        let without = requests(&of(" ").over(beside)).await;
        row.judge(&with, &without);
    }
}

#[test]
fn every_variable_stands_over_its_setting_of_the_file() {
    let file = "
        namespace: a
        labels: {l: a}
        scope_label: a
        role_label: a
        leader_label_value: a
        follower_label_value: a
        standby_leader_label_value: a
        tmp_role_label: a2
        bootstrap_labels: {b: a}
        use_endpoints: true
        pod_ip: 192.0.2.1
        ports: [{port: 1}]
        cacert: /a
        bypass_api_service: true
        retriable_http_codes: 401
        context: a";
    let variables = |name: &str| {
        let text = match name.strip_prefix("PATRONI_KUBERNETES_")? {
            "LABELS" => "l: b",
            "BOOTSTRAP_LABELS" => "b: b",
            "USE_ENDPOINTS" | "BYPASS_API_SERVICE" => "false",
            "POD_IP" => "192.0.2.2",
            "PORTS" => "{port: 2}",
            "RETRIABLE_HTTP_CODES" => "403",
            _ => "b",
        };
        Some(text.to_owned())
    };
    let environment = KubernetesSettings::from_lookup(variables).unwrap();
    let file = KubernetesSettings::from_yaml(file).unwrap();
    assert_eq!(environment.clone().over(file), environment);
}

#[test]
fn a_switch_has_four_words_for_each_side_in_any_case() {
    for (words, expected) in [
        (["true", "ON", "Yes", "1"], true),
        (["False", "off", "NO", "0"], false),
    ] {
        for word in words {
            let lookup = |name: &str| {
                (name == "PATRONI_KUBERNETES_BYPASS_API_SERVICE").then(|| word.to_owned())
            };
            let environment = KubernetesSettings::from_lookup(lookup).unwrap();
            assert_eq!(environment.bypass_api_service, Some(expected), "{word}");
            let quoted = format!("bypass_api_service: '{word}'");
            let file = KubernetesSettings::from_yaml(&quoted).unwrap();
            assert_eq!(file.bypass_api_service, Some(expected), "{word}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_endpoints_the_settings_ask_for_the_service_of_the_config_object() {
    let endpoints = KubernetesSettings::from_yaml("use_endpoints: true").unwrap();
    let service = "POST /api/v1/namespaces/default/services ";
    assert!(requests(&endpoints).await.contains(service));
    assert!(
        !requests(&KubernetesSettings::default())
            .await
            .contains(service)
    );
}

#[tokio::test(start_paused = true)]
async fn spaces_around_a_value_and_a_null_in_a_map_are_nothing() {
    let spaced = "{namespace: ' spilo ', labels: {a: null, b: ' x '}}";
    let wire = requests(&KubernetesSettings::from_yaml(spaced).unwrap()).await;
    let expected = "/namespaces/spilo/configmaps?labelSelector=a%3D%2Cb%3Dx%2Ccluster-name";
    assert!(wire.contains(expected), "{wire}");
}

#[test]
fn every_setting_has_a_row_or_is_tested_elsewhere() {
    let rows = ROWS.iter().map(|row| row.setting);
    let tested: BTreeSet<_> = rows.chain(ELSEWHERE.map(|(setting, _)| setting)).collect();
    let known: BTreeSet<_> = KubernetesSettings::names().map(|(name, _)| name).collect();
    assert_eq!(tested, known);
}

#[tokio::test(start_paused = true)]
async fn a_listed_status_is_passing_trouble_to_whoever_reads() {
    for (yaml, lookup) in [
        ("retriable_http_codes: 403", ""),
        ("retriable_http_codes: [401, 403]", ""),
        ("retriable_http_codes: 401, 403", ""),
        ("", "PATRONI_KUBERNETES_RETRIABLE_HTTP_CODES"),
        ("", "PATRONI_RETRIABLE_HTTP_CODES"),
        ("{}", "NOTHING"),
    ] {
        let variables = |name: &str| (name == lookup).then(|| "401,403".to_owned());
        let settings = KubernetesSettings::from_lookup(variables)
            .unwrap()
            .over(KubernetesSettings::from_yaml(yaml).unwrap());
        let (client, _) = client(|_| Reply::Json(403, json!({"kind": "Status", "code": 403})));
        let error = handle(&settings, client).load().await.unwrap_err();
        assert_eq!(
            error.is_transient(),
            lookup != "NOTHING",
            "{yaml} {lookup}: {error}"
        );
    }
}

#[test]
fn the_switch_of_the_bypass_is_read_from_both() {
    for (yaml, variable, expected) in [
        ("bypass_api_service: yes", "", Some(true)),
        ("bypass_api_service: true", "off", Some(false)),
        ("", "1", Some(true)),
        ("", "", None),
    ] {
        let lookup = |name: &str| {
            (name == "PATRONI_KUBERNETES_BYPASS_API_SERVICE").then(|| variable.to_owned())
        };
        let settings = KubernetesSettings::from_lookup(lookup)
            .unwrap()
            .over(KubernetesSettings::from_yaml(yaml).unwrap());
        assert_eq!(settings.bypass_api_service, expected, "{yaml} {variable}");
    }
}

#[test]
fn false_in_the_environment_is_false() {
    for text in ["false", "False", "off", "no", "0"] {
        let lookup =
            |name: &str| (name == "PATRONI_KUBERNETES_USE_ENDPOINTS").then(|| text.to_owned());
        let environment = KubernetesSettings::from_lookup(lookup).unwrap();
        let file = KubernetesSettings::from_yaml("use_endpoints: true").unwrap();
        assert_eq!(file.mode(), Mode::Endpoints);
        assert_eq!(environment.over(file).mode(), Mode::ConfigMap, "{text}");
    }
}

#[test]
fn a_value_that_is_not_allowed_is_refused_with_its_name_and_what_is() {
    for (setting, value, said) in [
        ("namespace", "../x", "a-z, 0-9 and '-'"),
        ("namespace", "[a]", "no list"),
        ("labels", "application", "a map"),
        ("labels", "{a b: c}", "label key"),
        ("labels", "{a: [1]}", "no list"),
        ("scope_label", "a b", "prefix/name"),
        ("role_label", "a/b/c", "prefix/name"),
        ("leader_label_value", "a b", "at most 63"),
        ("use_endpoints", "maybe", "true or false"),
        ("bypass_api_service", "2", "true or false"),
        ("pod_ip", "localhost", "IPv4 or IPv6"),
        ("ports", "{port: 5432}", "a list"),
        ("ports", "[{port: 0}]", "from 1 to 65535"),
        (
            "ports",
            "[{port: 5432, protocol: QUIC}]",
            "TCP, UDP or SCTP",
        ),
        ("ports", "[{port: 5432, hostPort: 1}]", "hostPort"),
        ("ports", "[{port: 5432, name: A_B}]", "a-z, 0-9 and '-'"),
        ("retriable_http_codes", "4O3", "100 to 599"),
        ("retriable_http_codes", "[99]", "100 to 599"),
        ("retriable_http_codes", "600", "100 to 599"),
    ] {
        let error = KubernetesSettings::from_yaml(&format!("{setting}: {value}")).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("kubernetes.{setting} is")),
            "{text}"
        );
        assert!(text.contains(said), "{text}");
    }
    let lookup = |name: &str| (name == "PATRONI_KUBERNETES_LABELS").then(|| "a: [".to_owned());
    let text = KubernetesSettings::from_lookup(lookup)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("PATRONI_KUBERNETES_LABELS is \"a: [\": it is no YAML"),
        "{text}"
    );
}

#[test]
fn names_that_mean_nothing_are_told_and_hinder_nothing() {
    let settings = KubernetesSettings::from_yaml("use_endpoint: true\nnamespace: null").unwrap();
    assert_eq!(settings.unknown(), ["use_endpoint"]);
    assert_eq!(settings.namespace, None);
}

#[tokio::test(start_paused = true)]
async fn the_namespace_of_the_pod_counts_where_nothing_else_names_one() {
    let pod = |name: &str| (name == "POD_NAMESPACE").then(|| "of-pod".to_owned());
    let environment = || KubernetesSettings::from_lookup(pod).unwrap();
    let wire = requests(&environment()).await;
    assert!(wire.contains("/namespaces/of-pod/") && !wire.contains("/namespaces/default/"));
    let file = KubernetesSettings::from_yaml("namespace: of-file").unwrap();
    let wire = requests(&environment().over(file)).await;
    assert!(wire.contains("/namespaces/of-file/") && !wire.contains("of-pod"));
}

#[tokio::test(start_paused = true)]
async fn labels_of_the_environment_stand_beside_those_of_the_file() {
    let file =
        "{labels: {application: patroni, tier: a}, bootstrap_labels: {boot: file, made: by}}";
    let variables = |name: &str| match name {
        "PATRONI_KUBERNETES_LABELS" => Some("tier: b, team: x".to_owned()),
        "PATRONI_KUBERNETES_BOOTSTRAP_LABELS" => Some("boot: environment".to_owned()),
        _ => None,
    };
    let environment = KubernetesSettings::from_lookup(variables).unwrap();
    let wire = requests(&environment.over(KubernetesSettings::from_yaml(file).unwrap())).await;
    let selector = "application%3Dpatroni%2Ctier%3Db%2Cteam%3Dx%2Ccluster-name%3Ddemo";
    assert!(wire.contains(selector), "{wire}");
    assert!(
        wire.contains(r#""boot":"environment","made":"by""#),
        "{wire}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_port_without_a_number_is_the_usual_one() {
    for ports in [
        "[{name: postgresql}]",
        "[{name: postgresql, port: null, protocol: ''}]",
    ] {
        let settings = format!("{{use_endpoints: true, ports: {ports}}}");
        let wire = requests(&KubernetesSettings::from_yaml(&settings).unwrap()).await;
        let port = r#""ports":[{"name":"postgresql","port":5432}]"#;
        assert!(wire.contains(port), "{wire}");
    }
    let unnamed = "{use_endpoints: true, ports: [{name: ''}]}";
    let wire = requests(&KubernetesSettings::from_yaml(unnamed).unwrap()).await;
    assert!(wire.contains(r#""ports":[{"port":5432}]"#), "{wire}");
}

#[tokio::test(start_paused = true)]
async fn patronis_own_namespace_variable_stands_over_all_others() {
    let variables = |name: &str| match name {
        "PATRONI_NAMESPACE" => Some("of-all".to_owned()),
        "PATRONI_KUBERNETES_NAMESPACE" => Some("of-kubernetes".to_owned()),
        "POD_NAMESPACE" => Some("of-pod".to_owned()),
        _ => None,
    };
    let file = KubernetesSettings::from_yaml("namespace: of-file").unwrap();
    let environment = KubernetesSettings::from_lookup(variables).unwrap();
    let wire = requests(&environment.over(file)).await;
    assert!(wire.contains("/namespaces/of-all/"), "{wire}");
    let prefix = |name: &str| (name == "PATRONI_NAMESPACE").then(|| "/service/".to_owned());
    let error = KubernetesSettings::from_lookup(prefix).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("PATRONI_NAMESPACE is \"/service/\""),
        "{text}"
    );
}

const fn row(
    setting: &'static str,
    yaml: &'static str,
    variable: &'static str,
    effect: &'static str,
) -> Row {
    Row {
        setting,
        beside: "",
        yaml,
        variable,
        effect,
    }
}

const fn in_endpoints(
    setting: &'static str,
    yaml: &'static str,
    variable: &'static str,
    effect: &'static str,
) -> Row {
    Row {
        beside: "use_endpoints: true",
        ..row(setting, yaml, variable, effect)
    }
}

impl Row {
    fn judge(&self, with: &str, without: &str) {
        let Self {
            setting, effect, ..
        } = self;
        assert!(
            with.contains(effect),
            "{setting}: {effect} is not in\n{with}"
        );
        assert!(
            !without.contains(effect),
            "{setting}: {effect} is no effect of it\n{without}"
        );
    }
}

/// All requests of a member that reads, leads, and speaks in each role.
async fn requests(settings: &KubernetesSettings) -> String {
    let (client, log) = client(answer);
    let dcs = handle(settings, client);
    dcs.load().await.unwrap();
    for (routing, state) in [
        (Routing::Leader, "running"),
        (Routing::StandbyLeader, "running"),
        (Routing::Role("replica".to_owned()), "creating replica"),
    ] {
        let record = MemberRecord::new(name("demo-0"), Map::new()).with("state", state);
        let outcome = dcs.put_member(&record.routed(routing)).await;
        outcome.into_result().unwrap();
    }
    // The address is known from the member's own Pod by now.
    let outcome = dcs.write(&leader(held("demo-0", 1)), at(100)).await;
    outcome.into_result().unwrap();
    let line = |asked: Asked| format!("{} {} {}\n", asked.method, asked.uri, asked.body);
    log.all().into_iter().map(line).collect()
}

fn handle(settings: &KubernetesSettings, client: kube::Client) -> Arc<dyn Dcs> {
    let (scope, clock) = ("demo".parse().unwrap(), Arc::new(TokioClock::new()));
    match settings.mode() {
        Mode::Endpoints => {
            let builder = settings.endpoints(scope).unwrap().clock(clock);
            Arc::new(
                builder
                    .member(name("demo-0"))
                    .build_with_client(client)
                    .unwrap(),
            )
        }
        Mode::ConfigMap => {
            let builder = settings.config_maps(scope).unwrap().clock(clock);
            Arc::new(
                builder
                    .member(name("demo-0"))
                    .build_with_client(client)
                    .unwrap(),
            )
        }
    }
}

fn answer(asked: &Asked) -> Reply {
    let own_pod = json!({
        "kind": "Pod",
        "metadata": {"name": "demo-0", "uid": "u", "resourceVersion": "101"},
        "spec": {}, "status": {"podIP": "192.0.2.10"},
    });
    match asked.method.as_str() {
        "GET" => list(100, &[]),
        _ if asked.is_of_pods() => Reply::Json(200, own_pod),
        _ => Reply::Json(200, object("demo", 101, &json!({}))),
    }
}
