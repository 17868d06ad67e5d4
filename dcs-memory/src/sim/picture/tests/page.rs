use std::time::Duration;

use super::{
    chart, count, fails_after, history, is_balanced, leader, member, pause_of, planned, seconds,
};
use crate::sim::{Edit, Fault, Simulation, Swarm};

#[test]
fn the_same_history_gives_the_same_bytes() {
    let page = || {
        let simulation = Simulation::new(5).faults(Swarm::Mixed);
        simulation
            .length(seconds(100))
            .traced()
            .run_members()
            .to_html()
    };
    assert_eq!(page(), page());
}

#[test]
fn a_history_that_is_traced_is_the_same_history() {
    let simulation = || {
        Simulation::new(6)
            .faults(Swarm::Hostile)
            .length(seconds(200))
    };
    let (plain, traced) = (
        simulation().run_members(),
        simulation().traced().run_members(),
    );
    assert_eq!(plain.counts, traced.counts);
    assert_eq!(plain.faults, traced.faults);
    assert_eq!(plain.hits, traced.hits);
}

#[test]
fn each_process_has_a_lane_and_each_term_one_interval_of_belief() {
    let history = history(pause_of(leader()));
    let page = history.to_html();
    assert_eq!(count(&page, "<g class=\"lane\" id=\"process-"), 3);
    // That of the paused leader, and that of its successor.
    assert_eq!(history.counts.terms, 2);
    assert_eq!(count(chart(&page), "class=\"belief\""), 2);
    assert_eq!(count(chart(&page), "class=\"stopped\""), 1);
}

#[test]
fn a_fault_is_a_labelled_mark_and_a_row_of_the_table() {
    let leader = leader();
    let page = history(pause_of(leader)).to_html();
    assert!(chart(&page).contains(">1 stops 40.0 s</text>"));
    assert!(chart(&page).contains("<a id=\"mark-1\" href=\"#fault-1\">"));
    let what = format!("<td>process {leader} stops for 40s</td>");
    assert!(page.contains(&what), "{what}");
    assert!(page.contains("<a href=\"#mark-1\">1</a>"));
}

#[test]
fn processes_of_one_name_stand_below_each_other() {
    let page = history(vec![planned(30, Fault::Twin { process: 0 })]).to_html();
    let lanes = page.match_indices("<g class=\"lane\" id=\"process-");
    let numbers = lanes.map(|(at, lane)| &page[at + lane.len()..=at + lane.len()]);
    assert_eq!(numbers.collect::<Vec<_>>(), ["0", "3", "1", "2"]);
    assert_eq!(
        count(&page, "class=\"name\""),
        4,
        "the leader key, and three names"
    );
}

#[test]
fn a_version_by_a_third_party_is_marked() {
    let calm = history(Vec::new()).to_html();
    assert_eq!(count(chart(&calm), "version third-party"), 0);
    let page = history(vec![planned(60, Fault::Edit(Edit::Bump))]).to_html();
    assert_eq!(count(chart(&page), "version third-party"), 1);
    assert!(chart(&page).contains("written by a third party"));
}

#[test]
fn a_lease_write_tells_how_it_was_answered() {
    let history = history(Vec::new());
    let page = history.to_html();
    let committed = u64::try_from(count(chart(&page), "circle class=\"write committed\""));
    assert_eq!(committed, Ok(history.counts.writes));
    // All three members create the record; two at least come too late.
    assert!(chart(&page).contains("not committed, told at"));
    assert!(count(chart(&page), "class=\"write refused\"") >= 2);
}

#[test]
fn a_fault_of_a_plan_that_met_nobody_is_listed_and_not_drawn() {
    let page = history(vec![planned(30, Fault::Twin { process: 9 })]).to_html();
    assert!(page.contains("(it did not come to that)"));
    assert!(!page.contains("mark-1"));
}

#[test]
fn what_is_broken_is_told_above_a_red_line() {
    let page = fails_after(20, "has slept enough").to_html();
    assert!(page.contains("<a href=\"#violation\">") && page.contains("<g id=\"violation\">"));
    assert_eq!(count(chart(&page), "<line class=\"violation\""), 1);
    let text = "<text class=\"violation\"";
    let from = page.find(text).unwrap();
    assert!(
        page[from..]
            .lines()
            .next()
            .unwrap()
            .contains("has slept enough")
    );
    let calm = history(Vec::new()).to_html();
    assert!(!calm.contains("id=\"violation\"") && calm.contains("All as promised."));
}

#[test]
fn the_title_tells_seed_members_terms_and_verdict() {
    let calm = history(Vec::new()).to_html();
    assert!(calm.contains("<title>Seed 4, 3 members, 1 term: all as promised</title>"));
    let page = fails_after(20, "has slept enough").to_html();
    let title = "<title>Seed 4, 3 members, 0 terms: the program&#39;s own broken</title>";
    assert!(page.contains(title));
}

#[test]
fn text_is_escaped() {
    let page = fails_after(20, "</text><script>alert(\"1\" & '2')</script>").to_html();
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)"));
    is_balanced(&page);
}

#[test]
fn a_page_needs_nothing_else() {
    let simulation = Simulation::new(9)
        .faults(Swarm::Hostile)
        .length(seconds(200));
    let page = simulation.traced().run_members().to_html();
    for asks_for_more in ["://", "src=", "<link", "@import", "<script"] {
        assert!(!page.contains(asks_for_more), "{asks_for_more}");
    }
    assert_eq!(count(&page, "url("), count(&page, "url(#hatch)"));
    is_balanced(&page);
}

#[test]
fn a_history_that_was_not_traced_gives_a_page_that_says_how_to() {
    let history = Simulation::new(4).nodes(3).length(seconds(60)).run(member);
    let page = history.to_html();
    assert!(page.contains("was not traced") && page.contains("Simulation::traced()"));
    assert!(!page.contains("<svg"));
    is_balanced(&page);
}

#[test]
fn around_a_violation_only_that_is_drawn() {
    let plan = vec![
        planned(5, Fault::BrokenWatch { process: 0 }),
        planned(
            6,
            Fault::Crash {
                process: 1,
                restart: seconds(1),
            },
        ),
        planned(55, Fault::BrokenWatch { process: 2 }),
    ];
    let simulation = Simulation::new(4).nodes(3).plan(plan).traced();
    let history = simulation.run(|node| async move {
        node.sleep(seconds(60)).await;
        node.fail("has slept enough");
    });
    let page = history.to_html_around(seconds(20)).unwrap();
    assert!(history.to_html().contains("id=\"fault-1\""));
    assert!(!page.contains("id=\"fault-1\"") && page.contains("id=\"fault-3\""));
    assert!(!page.contains("id=\"process-1\"") && page.contains("id=\"process-3\""));
    assert!(page.contains("had ended before it: 1."));
    // It ends with the history.
    let end = history.length.as_secs_f64();
    assert!(page.contains(&format!("to {end:.3} s is shown")));
    assert!(page.contains("id=\"violation\""));
    is_balanced(&page);
}

#[test]
fn around_the_violation_of_a_stretch_of_no_length_there_is_still_a_page() {
    let page = fails_after(0, "fails at once").to_html_around(Duration::ZERO);
    assert!(page.unwrap().contains("id=\"violation\""));
}

#[test]
fn where_nothing_is_broken_there_is_nothing_around_it() {
    assert_eq!(history(Vec::new()).to_html_around(seconds(20)), None);
}
