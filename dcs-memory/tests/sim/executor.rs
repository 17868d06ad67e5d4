//! Tasks and timers in virtual time.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use dcs_memory::sim::{Fault, Node};
use futures_util::future::{join_all, select};

use crate::support::{at, notes, quiet, seconds, texts};

#[test]
fn timers_go_off_in_the_order_of_their_instants() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        let sleeps = [3, 1, 2].map(|second| {
            let node = node.clone();
            async move {
                node.sleep(seconds(second)).await;
                node.note(second);
            }
        });
        join_all(sleeps).await;
    });
    assert_eq!(texts(&history), ["1", "2", "3"]);
}

#[test]
fn timers_of_one_instant_go_off_in_the_order_in_which_they_were_set() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        for number in 0..20 {
            let task = node.clone();
            node.spawn(async move {
                task.sleep(seconds(1)).await;
                task.note(number);
            });
        }
    });
    let in_order: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(texts(&history), in_order);
}

#[test]
fn time_stands_still_while_anything_is_left_to_do() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        for _ in 0..1_000 {
            yield_now().await;
        }
        node.note("done");
    });
    assert_eq!(notes(&history)[0].at.to_bits(), 0.0_f64.to_bits());
}

#[test]
fn an_hour_passes_in_no_time_and_is_an_hour() {
    let simulation = quiet(1).length(seconds(4_000)).plan(Vec::new());
    let history = simulation.run(|node: Node| async move {
        node.sleep(seconds(3_600)).await;
        node.fail("is over");
    });
    let over = history.violation.unwrap().at;
    assert!(over.abs_diff(seconds(3_600)) <= seconds(36), "{over:?}");
}

#[test]
fn a_timer_that_was_dropped_wakes_nobody() {
    let polls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&polls);
    let history = quiet(1).plan(Vec::new()).run(move |node: Node| {
        let polls = Arc::clone(&counted);
        async move {
            {
                let long = pin!(node.sleep(seconds(20)));
                let short = pin!(node.sleep(seconds(1)));
                select(long, short).await;
            }
            poll_fn(|_| {
                polls.fetch_add(1, Relaxed);
                Poll::<()>::Pending
            })
            .await;
        }
    });
    assert_eq!(history.violation, None);
    assert_eq!(polls.load(Relaxed), 1, "the first one, and no other");
}

#[test]
fn what_comes_due_while_a_process_is_stopped_is_done_when_it_goes_on_in_order() {
    let pause = Fault::Pause {
        process: 0,
        lasts: seconds(20),
    };
    let history = quiet(1)
        .plan(vec![at(1, pause)])
        .run(|node: Node| async move {
            for second in [8, 4, 6] {
                let task = node.clone();
                node.spawn(async move {
                    task.sleep(seconds(second)).await;
                    task.note(second);
                });
            }
        });
    assert_eq!(texts(&history), ["4", "6", "8"]);
    let instants = notes(&history).into_iter().map(|note| note.at);
    assert_eq!(instants.collect::<Vec<_>>(), [21.0; 3]);
}

#[test]
fn a_process_that_is_stopped_twice_goes_on_when_both_are_over() {
    let pause = |lasts| Fault::Pause {
        process: 0,
        lasts: seconds(lasts),
    };
    let plan = vec![at(1, pause(20)), at(2, pause(5))];
    let history = quiet(1).plan(plan).run(|node: Node| async move {
        node.sleep(seconds(3)).await;
        node.note("goes on");
    });
    assert_eq!(notes(&history)[0].at.to_bits(), 21.0_f64.to_bits());
}

#[test]
fn a_kill_drops_all_tasks_of_the_process_and_no_others() {
    struct Dropped(Node, &'static str);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.note(self.1);
        }
    }
    let crash = Fault::Crash {
        process: 0,
        restart: seconds(1_000),
    };
    let history = quiet(2)
        .plan(vec![at(5, crash)])
        .run(|node: Node| async move {
            for name in ["one", "other"] {
                let guard = Dropped(node.clone(), name);
                node.spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                });
            }
        });
    let dropped = notes(&history);
    let told: Vec<_> = dropped
        .iter()
        .map(|note| (note.process, &*note.text))
        .collect();
    assert_eq!(told, [(0, "one"), (0, "other")]);
    assert_eq!(dropped[0].at.to_bits(), 5.0_f64.to_bits());
}

#[test]
fn a_task_that_a_killed_process_spawns_while_it_is_dropped_never_runs() {
    struct Spawns(Node);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let node = self.0.clone();
            self.0.spawn(async move { node.note("lives on") });
        }
    }
    let crash = Fault::Crash {
        process: 0,
        restart: seconds(1_000),
    };
    let history = quiet(1)
        .plan(vec![at(5, crash)])
        .run(|node: Node| async move {
            let _guard = Spawns(node.clone());
            node.sleep(Duration::MAX).await;
        });
    assert_eq!(texts(&history), Vec::<String>::new());
}

async fn yield_now() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
