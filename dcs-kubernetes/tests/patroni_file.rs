//! What a file of Patroni says, with the environment over it.

use dcs_kubernetes::PatroniFile;

const FILE: &str = "
scope: demo
name: demo-0
namespace: top
kubernetes: {namespace: below, labels: {application: patroni}, use_endpoints: true}
tags: {nofailover: true, failover_priority: 2}
bootstrap: {dcs: {ttl: 30, loop_wait: 10}}
postgresql: {connect_address: '192.0.2.1:5432', data_dir: /data}
restapi: {connect_address: '192.0.2.1:8008'}
citus: {group: 3, database: c}
";

#[test]
fn a_file_of_patroni_says_all_that_a_member_needs() {
    let file = PatroniFile::parse(FILE).unwrap();
    assert_eq!(file.scope.unwrap().as_str(), "demo");
    assert_eq!(file.name.unwrap().as_str(), "demo-0");
    assert_eq!(file.tags["failover_priority"], 2);
    assert_eq!(
        file.bootstrap.unwrap().to_string(),
        r#"{"ttl":30,"loop_wait":10}"#
    );
    assert_eq!(file.connect_address.as_deref(), Some("192.0.2.1:5432"));
    assert_eq!(file.api_address.as_deref(), Some("192.0.2.1:8008"));
    assert_eq!(file.group.unwrap().get(), 3);
    for nothing in [
        "",
        "{scope: '', name: null, citus: {group: ' '}, tags: null}",
    ] {
        assert_eq!(PatroniFile::parse(nothing).unwrap(), PatroniFile::default());
    }
}

#[test]
fn a_namespace_at_the_top_stands_over_the_one_below_and_over_the_environment() {
    let namespace = |file: &PatroniFile| file.kubernetes.namespace.clone().unwrap().to_string();
    let file = PatroniFile::parse(FILE).unwrap();
    assert_eq!(namespace(&file), "top");
    let lookup = |name: &str| match name {
        "PATRONI_KUBERNETES_NAMESPACE" => Some("environment".to_owned()),
        "PATRONI_SCOPE" => Some("other".to_owned()),
        "PATRONI_NAME" => Some("other-1".to_owned()),
        _ => None,
    };
    let with = file.with_lookup(lookup).unwrap();
    assert_eq!(namespace(&with), "top");
    assert_eq!(with.scope.unwrap().as_str(), "other");
    assert_eq!(with.name.unwrap().as_str(), "other-1");
    let below = PatroniFile::parse(&FILE.replace("namespace: top", "")).unwrap();
    assert_eq!(namespace(&below), "below");
    assert_eq!(
        namespace(&below.with_lookup(lookup).unwrap()),
        "environment"
    );
    // Patroni reads it as the one at the top.
    let top = |name: &str| (name == "PATRONI_NAMESPACE").then(|| "over-all".to_owned());
    let over_all = PatroniFile::parse(FILE).unwrap().with_lookup(top).unwrap();
    assert_eq!(namespace(&over_all), "over-all");
}

#[test]
fn the_environment_stands_over_the_group_and_the_addresses_of_the_file() {
    let lookup = |name: &str| {
        let text = match name {
            "PATRONI_CITUS_GROUP" => "0",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS" => "192.0.2.7:5432",
            "PATRONI_RESTAPI_CONNECT_ADDRESS" => "192.0.2.7:8008",
            "PATRONI_NAME" => "",
            _ => return None,
        };
        Some(text.to_owned())
    };
    for text in [FILE, "{name: demo-0}"] {
        let file = PatroniFile::parse(text).unwrap();
        let file = file.with_lookup(lookup).unwrap();
        assert_eq!(file.group.unwrap().get(), 0);
        assert_eq!(file.connect_address.as_deref(), Some("192.0.2.7:5432"));
        assert_eq!(file.api_address.as_deref(), Some("192.0.2.7:8008"));
        assert_eq!(file.name.unwrap().as_str(), "demo-0");
    }
    for name in ["PATRONI_CITUS_GROUP", "PATRONI_SCOPE", "PATRONI_NAME"] {
        let lookup = |asked: &str| (asked == name).then(|| "A_1".to_owned());
        let error = PatroniFile::default().with_lookup(lookup).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("{name} is \"A_1\"")), "{text}");
    }
}

#[test]
fn a_wrong_value_of_a_file_is_refused_with_its_path() {
    for (text, path) in [
        ("scope: Demo", "scope is \"Demo\""),
        ("name: a_b", "name is \"a_b\""),
        ("namespace: /service/", "namespace is \"/service/\""),
        ("kubernetes: []", "kubernetes is \"[]\""),
        ("kubernetes: {pod_ip: x}", "kubernetes.pod_ip is \"x\""),
        ("citus: {group: -1}", "citus.group is \"-1\""),
        ("bootstrap: {dcs: 7}", "bootstrap.dcs is \"7\""),
        ("tags: none", "tags is \"none\""),
        ("[1]", "no YAML object"),
        ("scope: [", "no YAML object"),
    ] {
        let error = PatroniFile::parse(text).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
    }
    let error = PatroniFile::read("/nonexistent/patroni.yml").unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/patroni.yml"),
        "{error}"
    );
}
