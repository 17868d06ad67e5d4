//! A harness may excuse itself from cases, by name and with a reason.

use async_trait::async_trait;
use dcs_conformance::{Harness, World, case, check_exceptions};
use futures::future::BoxFuture;

type Exceptions = &'static [(&'static str, &'static str)];

/// A backend that cannot even be opened.
struct Excused(Exceptions);

#[async_trait]
impl Harness for Excused {
    fn block_on(&self, case: BoxFuture<'static, ()>) {
        futures::executor::block_on(case);
    }

    async fn open(&self, _: usize) -> World {
        panic!("nothing is there")
    }

    fn cannot_run(&self) -> Exceptions {
        self.0
    }
}

#[test]
fn an_excused_case_is_not_run_and_every_other_one_is() {
    let excused = case("a_fresh_scope_is_empty").unwrap();
    let why: Exceptions = &[("a_fresh_scope_is_empty", "nothing is there")];
    assert!(!excused.check(Excused(why)));
    let other = case("revisions_grow_with_every_write").unwrap();
    let ran = std::panic::catch_unwind(|| other.check(Excused(why)));
    assert!(ran.is_err(), "it was run, and there is nothing to run on");
}

#[test]
fn exceptions_that_exist_and_have_reasons_are_accepted() {
    check_exceptions(&Excused(&[("a_fresh_scope_is_empty", "nothing is there")]));
}

#[test]
#[should_panic(expected = "there is no such case")]
fn an_exception_for_a_case_that_does_not_exist_fails() {
    check_exceptions(&Excused(&[("a_case_of_the_past", "nothing is there")]));
}

#[test]
#[should_panic(expected = "without a reason")]
fn an_exception_without_a_reason_fails() {
    check_exceptions(&Excused(&[("a_fresh_scope_is_empty", " ")]));
}

#[test]
#[should_panic(expected = "twice")]
fn an_exception_that_stands_twice_fails() {
    let twice: Exceptions = &[
        ("a_fresh_scope_is_empty", "a"),
        ("a_fresh_scope_is_empty", "b"),
    ];
    check_exceptions(&Excused(twice));
}
