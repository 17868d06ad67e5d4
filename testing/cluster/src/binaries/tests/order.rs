//! Which way comes first, and what the cache keeps.

use std::thread;

use super::*;

#[test]
fn a_folder_that_is_named_comes_first() {
    let world = World::new();
    let folder = assets(world.path("assets"), &NAMES);

    let found = world.search(GO_BUILDS).with_assets(&folder).find().unwrap();

    assert_eq!(found.origin(), Origin::Given);
    assert_eq!(found.etcd(), folder.join("etcd"));
    assert_eq!(found.kube_apiserver(), folder.join("kube-apiserver"));
}

#[test]
fn a_named_folder_without_a_server_ends_the_search() {
    let world = World::new();
    let folder = assets(world.path("assets"), &["etcd"]);

    let search = world.search(GO_BUILDS).with_assets(&folder);

    let error = search.find().unwrap_err().to_string();
    assert!(error.contains(folder.to_str().unwrap()), "{error}");
    assert!(
        error.contains("no executable file kube-apiserver"),
        "{error}"
    );
    assert_eq!(world.go_calls(), 0);
}

#[test]
fn a_file_that_cannot_be_executed_is_no_server() {
    let world = World::new();
    let folder = assets(world.path("assets"), &NAMES);
    let plain = fs::Permissions::from_mode(0o644);
    fs::set_permissions(folder.join("etcd"), plain).unwrap();

    let error = Binaries::in_folder(&folder).unwrap_err();

    assert!(matches!(
        error,
        Error::AssetsIncomplete {
            missing: "etcd",
            ..
        }
    ));
}

#[test]
fn a_cached_pair_needs_no_build() {
    let world = World::new();
    assets(world.cache().join(go_build::key()), &NAMES);

    let found = world.search(GO_BUILDS).find().unwrap();

    assert_eq!(found.origin(), Origin::Cache);
    assert_eq!(world.go_calls(), 0);
}

#[test]
fn what_was_built_is_cached() {
    let world = World::new();
    let search = world.search(GO_BUILDS);

    let first = search.find().unwrap();
    let second = search.find().unwrap();

    assert_eq!(first.origin(), Origin::Built);
    assert_eq!(second.origin(), Origin::Cache);
    assert_eq!(first.folder(), second.folder());
    assert_eq!(world.cached(), [go_build::key()]);
    assert_eq!(fs::read_dir(first.folder()).unwrap().count(), 2);
}

#[test]
fn a_pair_of_another_module_is_not_used() {
    let world = World::new();
    assets(world.cache().join("v1.36.3-000000000000"), &NAMES);
    let found = world.search(GO_BUILDS).find().unwrap();
    assert_eq!(found.origin(), Origin::Built);
}

#[test]
fn half_a_pair_is_built_anew() {
    let world = World::new();
    assets(world.cache().join(go_build::key()), &["etcd"]);
    let found = world.search(GO_BUILDS).find().unwrap();
    assert_eq!(found.origin(), Origin::Built);
}

#[test]
fn of_two_builders_one_builds() {
    let world = World::new();
    let search = world.search(&format!("sleep 0.3\n{GO_BUILDS}"));

    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| search.find().unwrap());
        }
    });

    assert_eq!(world.go_calls(), 1);
}

#[test]
fn the_rest_of_a_killed_build_is_removed() {
    let world = World::new();
    assets(world.cache().join("draft-killed"), &["etcd"]);
    world.search(GO_BUILDS).find().unwrap();
    assert_eq!(world.cached(), [go_build::key()]);
}

#[test]
fn a_failed_build_leaves_the_cache_empty() {
    let world = World::new();
    world.search(GO_FAILS).find().unwrap_err();
    assert_eq!(world.cached(), [""; 0]);
}

#[test]
fn the_build_is_static_and_carries_the_version() {
    let world = World::new();
    world.search(GO_BUILDS).find().unwrap();
    let call = fs::read_to_string(world.path("go-calls")).unwrap();
    assert!(call.starts_with("build -v -trimpath"), "{call}");
    assert!(call.contains("version.gitVersion=v1.36."), "{call}");
    assert!(
        call.trim_end().ends_with("./cmd/etcd ./cmd/kube-apiserver"),
        "{call}"
    );
}

#[test]
fn an_error_tells_why_each_of_the_four_ways_failed() {
    let world = World::new();
    let error = world.search(GO_FAILS).find().unwrap_err().to_string();
    for part in [
        "KUBEBUILDER_ASSETS",
        world.cache().to_str().unwrap(),
        "undefined: nonsense",
        "DCS_ENVTEST_URL",
        "http://127.0.0.1:1/none/",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn without_go_the_error_says_how_to_get_it() {
    let world = World::new();
    let search = world.search(GO_BUILDS).with_go(world.path("absent"));
    let error = search.find().unwrap_err().to_string();
    assert!(error.contains("install Go 1.26"), "{error}");
}

#[test]
fn without_a_cache_folder_the_error_names_the_variables() {
    let mut search = Search::new("");
    search.cache = None;
    let error = search.find().unwrap_err().to_string();
    assert!(error.contains("set HOME or XDG_CACHE_HOME"), "{error}");
}
