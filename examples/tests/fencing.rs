//! The story that the fencing example tells, as a user runs it.

mod support;

use support::process::{Process, example, folder};

#[tokio::test]
async fn a_leader_that_was_stopped_in_the_middle_of_a_write_is_refused_by_its_token() {
    let folder = folder("fencing");
    let ended = Process::start(example("fencing"), &folder, "fencing")
        .end()
        .await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.err, "");
    let lines: Vec<_> = ended.out.lines().collect();
    let [leads, stopped, next, wakes, ledger, store, holds] = &lines[..] else {
        panic!("another story: {}", ended.out);
    };
    assert_eq!(*leads, "anna leads with token 2; its lease is valid: true");
    assert_eq!(*stopped, "anna is stopped in the middle of its write");
    assert_eq!(*next, "ben leads with token 3, and writes");
    assert_eq!(*wakes, "anna wakes up and goes on with its write");
    assert!(
        ledger.starts_with("the ledger: token 2 is older than 3,"),
        "{ledger}"
    );
    assert!(
        store.starts_with("the store: config is fenced with token 3, and ours is 2:"),
        "{store}"
    );
    assert_eq!(*holds, r#"the ledger holds ["by ben"]"#);
}
