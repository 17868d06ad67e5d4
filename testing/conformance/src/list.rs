//! The one list of cases. Whatever else lists them is made from it.

/// Calls another macro with every case: `callback!{ {given} module name
/// "guarantee" One|Two members "about"; ... }`, where `given` is what follows
/// the callback. [`conformance_tests!`](crate::conformance_tests) is made with it.
#[macro_export]
macro_rules! for_each_case {
    ($callback:path $(, $($given:tt)*)?) => {
        $callback! { { $($($given)*)? }
            cas a_key_is_written_on_the_revision_that_load_showed "G-CAS" One 1
                "A write of any shared key that expects what load showed is committed.";
            cas a_creation_of_what_exists_is_refused "G-CAS" One 2
                "A write that expects absence conflicts where the register exists, for every shared key.";
            cas a_stale_revision_is_refused "G-CAS" One 2
                "A write that expects a replaced revision conflicts, for every shared key.";
            cas a_revision_expected_of_an_absent_key_creates_nothing "G-CAS" One 1
                "A write that expects a revision conflicts where the register does not exist, and creates nothing.";
            cas a_revision_from_before_a_deletion_is_refused "G-CAS" One 2
                "A revision of a deleted register does not match the register that was created after it.";
            cas a_conflict_says_what_was_found "G-CAS" One 2
                "A conflict names its key and, if any revision, the one that stands.";
            race one_of_many_creations_wins "G-CAS" One 8
                "Of 64 creations of the leader register at once exactly one is committed.";
            race one_writer_wins_each_revision "G-CAS" One 8
                "Of 64 writers that expect the same revision exactly one is committed, round for round.";
            race a_chain_of_increments_loses_none "G-CAS" One 8
                "Writers that read, add one and write until they win lose no increment.";
            race initialize_has_one_winner "G-CAS" One 8
                "Of many members that want to initialize exactly one does.";
            revision revisions_grow_with_every_write "G-REV" One 2
                "Each committed write of a key has a revision larger than all before it, whoever wrote.";
            revision revisions_grow_across_deletions "G-REV" One 2
                "A register that was deleted and created anew goes on above its old revisions.";
            revision a_commit_and_load_agree_on_the_revision "G-REV" One 2
                "The revision of a commit is the one that load shows, for every shared key.";
            revision a_foreign_write_changes_the_revision_and_keeps_the_record "G-REV" One 1
                "A third party's write of the register moves its revision, and the old one is refused.";
            outcome a_refused_write_changes_nothing "G-OUT" One 2
                "What was reported as not committed left every key as it was.";
            outcome a_lost_request_is_unknown_and_not_applied "G-OUT" One 2
                "A write whose request was lost ends as unknown, and reading back shows the old record.";
            outcome a_lost_answer_is_unknown_and_applied "G-OUT" One 2
                "A write whose answer was lost ends as unknown, and reading back shows its own claim.";
            outcome a_lost_creation_is_unknown "G-OUT" One 2
                "A creation ends as unknown too, applied or not, and reading back tells which.";
            outcome a_lost_write_of_a_member_key_is_unknown "G-OUT" One 2
                "A write of a member key whose request or answer was lost ends as unknown.";
            outcome a_lost_removal_of_a_member_key_is_unknown "G-OUT" One 2
                "A removal of a member key whose request or answer was lost ends as unknown.";
            outcome a_write_with_a_lost_answer_is_applied_once "G-OUT" One 2
                "A write whose answer was lost is one version and not two: nothing is sent again.";
            outcome a_cut_off_member_is_never_told_that_it_wrote "G-OUT" One 2
                "A member that cannot reach the store gets no commit, and writes again after healing.";
            fresh load_sees_what_others_were_acknowledged "G-FRESH" One 3
                "What was acknowledged to one member is in the next load of any other.";
            fresh load_leader_sees_what_others_were_acknowledged "G-FRESH" One 3
                "What was acknowledged to one member is in the next `load_leader` of any other.";
            fresh load_leader_says_what_load_says "G-FRESH" One 3
                "`load_leader` gives the leader entry of load, absent, held, and deleted.";
            fresh a_read_of_a_cut_off_member_fails "G-FRESH" One 1
                "A member that cannot reach the store gets an error and nothing remembered.";
            fresh a_deletion_by_a_third_party_is_seen_at_once "G-FRESH" One 1
                "After the leader register was deleted load shows it, its status and its failsafe as absent.";
            watch a_watch_begins_with_a_reset "G-WATCH" One 1
                "The very first item of a watch is a Reset with all that stands.";
            watch a_watch_misses_no_version_of_the_leader "G-WATCH" One 2
                "Every committed version of the leader register is seen.";
            watch a_watch_repeats_no_version_of_the_leader "G-WATCH" One 2
                "No version of the leader register is seen twice.";
            watch a_watch_keeps_the_order_of_leader_versions "G-WATCH" One 2
                "Versions of the leader register are seen in the order of their commits.";
            watch previous_is_the_version_immediately_before "G-WATCH" One 2
                "On an unbroken stretch each leader update names the revision that it replaced.";
            watch previous_is_not_carried_across_a_deletion "G-WATCH" One 1
                "The first leader version after a deletion names no previous one.";
            watch a_deletion_is_seen_as_an_absent_leader "G-WATCH" One 1
                "A deletion of the leader register is seen as an absent entry.";
            watch a_foreign_write_is_a_version_on_the_watch "G-WATCH" One 1
                "A third party's write that changes no value is seen as a version all the same.";
            watch a_snapshot_fed_by_a_watch_becomes_what_load_says "G-WATCH" One 2
                "Updates taken into the first snapshot give what load gives, values and revisions of every key.";
            breaks a_reset_follows_a_gap "G-WATCH" One 2
                "After a gap the watch begins anew with all that stands, and claims nothing across it.";
            breaks a_clean_break_loses_nothing "G-WATCH" One 2
                "After a break that can be resumed every version is seen, or a Reset says that it is not.";
            breaks a_clean_break_repeats_nothing "G-WATCH" One 2
                "After a break that can be resumed no version is seen again.";
            breaks a_cut_off_watch_catches_up_after_healing "G-WATCH" One 2
                "What happened while a member was cut off is seen, or replaced by a Reset, once it is healed.";
            record a_claim_comes_back_as_it_was_written "G-VALUE" One 2
                "A leader record with its claim is read as it was written, to the microsecond.";
            record a_release_mark_comes_back_as_it_was_written "G-VALUE" One 2
                "A release mark keeps its secret and the revision that it replaced, beside the claim it ends.";
            record a_vacant_record_has_a_revision_and_no_holder "G-VALUE" One 2
                "A record without holder is a version like any other, and the next write expects it.";
            record a_takeover_replaces_the_whole_record "G-VALUE" One 2
                "A leader write leaves no field of the record before it standing, release mark included.";
            record a_commit_returns_the_record_that_stands "G-VALUE" One 1
                "The record that a commit of the leader register returns is the one that load shows.";
            values each_shared_value_comes_back_as_it_was_written "G-VALUE" One 2
                "Initialize, history, failover and sync are read as they were written.";
            values a_config_keeps_unknown_fields_and_their_order "G-VALUE" One 2
                "A config of any JSON is read as it was written, field for field in the same order.";
            values a_removed_value_is_absent_and_can_be_written_again "G-VALUE" One 1
                "A value that was removed is absent and not malformed, and the key takes the next one.";
            values a_failover_request_is_seen_and_cleared "G-WATCH" One 2
                "A request to fail over is seen on a watch, and so is its clearing.";
            keys status_and_failsafe_travel_with_the_leader_write "G-KEY" One 2
                "A leader write that carries status and failsafe puts all three at one revision.";
            keys a_leader_write_leaves_status_and_failsafe_alone "G-KEY" One 2
                "A leader write that carries neither status nor failsafe keeps both.";
            keys a_write_leaves_other_values_alone "G-KEY" One 1
                "A write or removal of one shared key changes the value of no other.";
            keys other_keys_leave_the_leader_revision_alone "G-KEY" One 2
                "Writes of config and member keys do not move the revision of the leader register.";
            keys a_fresh_scope_is_empty "G-KEY" One 2
                "A scope that nobody wrote has no register, no member value and nothing malformed.";
            keys two_scopes_do_not_see_each_other "G-KEY" Two 1
                "Keys of one scope are absent from another, for load and for watch.";
            member a_member_key_comes_back_as_it_was_written "G-VALUE" One 2
                "A member record is read as its owner wrote it, unknown fields included.";
            member a_member_key_is_replaced_as_a_whole "G-KEY" One 2
                "A member overwrites its key without expecting anything, and no old field is left.";
            member a_deleted_member_key_is_gone "G-KEY" One 2
                "A member key that was removed has no value, and can be written again.";
            member deleting_an_absent_member_key_is_missing "G-OUT" One 1
                "Removing a member key that is not there is not committed, as missing.";
            member a_member_key_does_not_touch_anothers "G-KEY" One 3
                "Writing and removing one member's key leaves the keys of the others as they are.";
            member a_watch_sees_members_come_and_go "G-WATCH" One 2
                "A member's first record, its next one and its removal are seen on a watch.";
            fence a_touch_leaves_every_value_as_it_was "G-FENCE" One 2
                "A touch of one shared key changes no value of any key.";
            fence a_touch_is_a_new_revision_of_its_key "G-FENCE" One 2
                "A touch has a revision larger than the one it expected, and load shows it.";
            fence a_write_from_before_a_touch_is_refused "G-FENCE" One 2
                "A write that expects the revision from before a touch conflicts, for every key that has a fence.";
            fence a_touch_of_what_was_not_expected_is_refused "G-FENCE" One 1
                "A touch conflicts on a replaced revision, on absence where the register exists and on a revision where it does not, and changes nothing.";
            fence a_touch_of_an_absent_register_creates_it_without_a_value "G-FENCE" One 2
                "A touch that expects absence creates the register without a value, and the next write expects it.";
            fence a_token_is_read_as_it_was_stored "G-FENCE" One 2
                "The newest token is read as it was stored, up to the largest one there is.";
            fence a_later_write_leaves_the_token_in_place "G-FENCE" One 2
                "Writes and removals of a key leave its token in place.";
            fence a_watch_sees_a_touch "G-FENCE" One 2
                "A touch is seen on a watch, with its token, also where it created the register.";
            fence the_leader_register_and_members_have_no_fence "G-FENCE" One 1
                "A touch of leader, status, failsafe or a member key is refused, and changes nothing.";
            fence a_touch_without_an_answer_is_unknown "G-FENCE" One 2
                "A touch whose request or answer was lost ends as unknown, and reading back tells which.";
        }
    };
}

/// Makes one `#[test]` for every case, and one, `every_exception_is_a_case`,
/// that lists the cases which the harness cannot run.
///
/// The expression makes a harness and is evaluated once for each test. Put the
/// call into a module of its own where one file tests several backends.
///
/// ```text
/// dcs_conformance::conformance_tests!(MyHarness::new());
/// dcs_conformance::conformance_tests!(MyServer::new(), ignore = "needs a server: make server-up");
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr) => {
        $crate::for_each_case!($crate::__conformance_tests, $harness;);
    };
    ($harness:expr, ignore = $why:literal) => {
        $crate::for_each_case!($crate::__conformance_tests, $harness; $why);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ({ $harness:expr; $($why:literal)? } $($rest:tt)*) => {
        #[test]
        fn every_exception_is_a_case() {
            $crate::check_exceptions(&$harness);
        }

        $crate::__conformance_test! { { $harness; $($why)? } $($rest)* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ({ $($given:tt)* }) => {};
    (
        { $harness:expr; $($why:literal)? }
        $module:ident $name:ident $guarantee:literal $scopes:ident $members:literal $about:literal;
        $($rest:tt)*
    ) => {
        #[doc = $about]
        #[test]
        $(#[ignore = $why])?
        fn $name() {
            let case = $crate::case(stringify!($name)).expect("the list has the case");
            println!("{}: {}", case.guarantee, case.about);
            case.check($harness);
        }

        $crate::__conformance_test! { { $harness; $($why)? } $($rest)* }
    };
}
