//! What is broken, and which case says so.

/// One behaviour that a backend must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    // Preconditions.
    IgnoresAStaleRevision,
    OverwritesOnCreate,
    CreatesOnAnExpectedRevision,
    SaysAnotherKeyInConflicts,
    HasTwoWinnersOfACreation,
    HasTwoWinnersOfARevision,
    LosesAnIncrement,
    HasTwoInitializers,
    // Revisions.
    GoesBackAfterDeletions,
    // Outcomes.
    SaysConflictAndWrites,
    SendsALostRequestAgain,
    SaysNotCommittedOnALostAnswer,
    SaysCommittedOnALostCreation,
    SaysCommittedOnALostMemberWrite,
    SaysMissingOnALostMemberRemoval,
    AppliesALostAnswerTwice,
    SaysCommittedWhileCutOff,
    // Reads.
    LoadsAStaleMember,
    LoadsAStaleLeader,
    LoadsAnotherLeader,
    ReadsFromMemoryWhileCutOff,
    // Values.
    CutsTransitions,
    DropsTheReleaseMark,
    KeepsTheReleaseMark,
    ReturnsAnotherRecord,
    DropsTheSchedule,
    DropsUnknownConfigFields,
    ClearsStatusOnLeaderWrites,
    ClearsSyncWithFailover,
    MovesTheLeaderWithMembers,
    // Members.
    MergesMembers,
    RemovesAllMembers,
    RemovesAbsentMembers,
    // Watches.
    BeginsWithAlive,
    LosesAVersion,
    RepeatsAVersion,
    SwapsTwoVersions,
    NamesNoPrevious,
    CarriesPreviousAcrossDeletions,
    HidesDeletions,
    HidesForeignWrites,
    ForgetsTheStatus,
    HidesMembersThatGo,
    NeverClearsFailover,
    SaysNoResetAfterAGap,
    LosesAVersionInABreak,
    RepeatsAVersionAfterABreak,
    StaysSilentAfterHealing,
    // More of all kinds.
    AcceptsARevisionOfADeletedRegister,
    ReusesARevision,
    LosesTheClaimOnForeignWrites,
    KeepsTheStatusOfADeletedRegister,
    ShowsAVacantRecordAsAbsent,
    ShowsARemovedValueAsMalformed,
    DropsTheSlots,
    InventsAFailsafe,
    MixesScopes,
    DropsUnknownMemberFields,
    BringsAMemberBack,
    // Fences.
    ClearsSyncOnATouch,
    ReportsNoNewRevisionOfATouch,
    AcceptsAWriteFromBeforeATouch,
    TouchesOnAStaleRevision,
    ShowsATouchedRegisterAsMalformed,
    CutsTokens,
    DropsTheTokenOnAWrite,
    HidesTouches,
    TouchesTheLeader,
    SaysCommittedOnALostTouch,
}

pub(crate) const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::IgnoresAStaleRevision, "a_stale_revision_is_refused"),
    (
        Flaw::OverwritesOnCreate,
        "a_creation_of_what_exists_is_refused",
    ),
    (
        Flaw::CreatesOnAnExpectedRevision,
        "a_revision_expected_of_an_absent_key_creates_nothing",
    ),
    (
        Flaw::SaysAnotherKeyInConflicts,
        "a_conflict_says_what_was_found",
    ),
    (Flaw::HasTwoWinnersOfACreation, "one_of_many_creations_wins"),
    (
        Flaw::HasTwoWinnersOfARevision,
        "one_writer_wins_each_revision",
    ),
    (Flaw::LosesAnIncrement, "a_chain_of_increments_loses_none"),
    (Flaw::HasTwoInitializers, "initialize_has_one_winner"),
    (
        Flaw::GoesBackAfterDeletions,
        "revisions_grow_across_deletions",
    ),
    (
        Flaw::SaysConflictAndWrites,
        "a_refused_write_changes_nothing",
    ),
    (
        Flaw::SendsALostRequestAgain,
        "a_lost_request_is_unknown_and_not_applied",
    ),
    (
        Flaw::SaysNotCommittedOnALostAnswer,
        "a_lost_answer_is_unknown_and_applied",
    ),
    (
        Flaw::SaysCommittedOnALostCreation,
        "a_lost_creation_is_unknown",
    ),
    (
        Flaw::SaysCommittedOnALostMemberWrite,
        "a_lost_write_of_a_member_key_is_unknown",
    ),
    (
        Flaw::SaysMissingOnALostMemberRemoval,
        "a_lost_removal_of_a_member_key_is_unknown",
    ),
    (
        Flaw::AppliesALostAnswerTwice,
        "a_write_with_a_lost_answer_is_applied_once",
    ),
    (
        Flaw::SaysCommittedWhileCutOff,
        "a_cut_off_member_is_never_told_that_it_wrote",
    ),
    (
        Flaw::LoadsAStaleMember,
        "load_sees_what_others_were_acknowledged",
    ),
    (
        Flaw::LoadsAStaleLeader,
        "load_leader_sees_what_others_were_acknowledged",
    ),
    (Flaw::LoadsAnotherLeader, "load_leader_says_what_load_says"),
    (
        Flaw::ReadsFromMemoryWhileCutOff,
        "a_read_of_a_cut_off_member_fails",
    ),
    (
        Flaw::CutsTransitions,
        "a_claim_comes_back_as_it_was_written",
    ),
    (
        Flaw::DropsTheReleaseMark,
        "a_release_mark_comes_back_as_it_was_written",
    ),
    (
        Flaw::KeepsTheReleaseMark,
        "a_takeover_replaces_the_whole_record",
    ),
    (
        Flaw::ReturnsAnotherRecord,
        "a_commit_returns_the_record_that_stands",
    ),
    (
        Flaw::DropsTheSchedule,
        "each_shared_value_comes_back_as_it_was_written",
    ),
    (
        Flaw::DropsUnknownConfigFields,
        "a_config_keeps_unknown_fields_and_their_order",
    ),
    (
        Flaw::ClearsStatusOnLeaderWrites,
        "a_leader_write_leaves_status_and_failsafe_alone",
    ),
    (
        Flaw::ClearsSyncWithFailover,
        "a_write_leaves_other_values_alone",
    ),
    (
        Flaw::MovesTheLeaderWithMembers,
        "other_keys_leave_the_leader_revision_alone",
    ),
    (Flaw::MergesMembers, "a_member_key_is_replaced_as_a_whole"),
    (
        Flaw::RemovesAllMembers,
        "a_member_key_does_not_touch_anothers",
    ),
    (
        Flaw::RemovesAbsentMembers,
        "deleting_an_absent_member_key_is_missing",
    ),
    (Flaw::BeginsWithAlive, "a_watch_begins_with_a_reset"),
    (
        Flaw::LosesAVersion,
        "a_watch_misses_no_version_of_the_leader",
    ),
    (
        Flaw::RepeatsAVersion,
        "a_watch_repeats_no_version_of_the_leader",
    ),
    (
        Flaw::SwapsTwoVersions,
        "a_watch_keeps_the_order_of_leader_versions",
    ),
    (
        Flaw::NamesNoPrevious,
        "previous_is_the_version_immediately_before",
    ),
    (
        Flaw::CarriesPreviousAcrossDeletions,
        "previous_is_not_carried_across_a_deletion",
    ),
    (
        Flaw::HidesDeletions,
        "a_deletion_is_seen_as_an_absent_leader",
    ),
    (
        Flaw::HidesForeignWrites,
        "a_foreign_write_is_a_version_on_the_watch",
    ),
    (
        Flaw::ForgetsTheStatus,
        "a_snapshot_fed_by_a_watch_becomes_what_load_says",
    ),
    (Flaw::HidesMembersThatGo, "a_watch_sees_members_come_and_go"),
    (
        Flaw::NeverClearsFailover,
        "a_failover_request_is_seen_and_cleared",
    ),
    (Flaw::SaysNoResetAfterAGap, "a_reset_follows_a_gap"),
    (Flaw::LosesAVersionInABreak, "a_clean_break_loses_nothing"),
    (
        Flaw::RepeatsAVersionAfterABreak,
        "a_clean_break_repeats_nothing",
    ),
    (
        Flaw::StaysSilentAfterHealing,
        "a_cut_off_watch_catches_up_after_healing",
    ),
    (
        Flaw::AcceptsARevisionOfADeletedRegister,
        "a_revision_from_before_a_deletion_is_refused",
    ),
    (Flaw::ReusesARevision, "revisions_grow_with_every_write"),
    (
        Flaw::LosesTheClaimOnForeignWrites,
        "a_foreign_write_changes_the_revision_and_keeps_the_record",
    ),
    (
        Flaw::KeepsTheStatusOfADeletedRegister,
        "a_deletion_by_a_third_party_is_seen_at_once",
    ),
    (
        Flaw::ShowsAVacantRecordAsAbsent,
        "a_vacant_record_has_a_revision_and_no_holder",
    ),
    (
        Flaw::ShowsARemovedValueAsMalformed,
        "a_removed_value_is_absent_and_can_be_written_again",
    ),
    (
        Flaw::DropsTheSlots,
        "status_and_failsafe_travel_with_the_leader_write",
    ),
    (Flaw::InventsAFailsafe, "a_fresh_scope_is_empty"),
    (Flaw::MixesScopes, "two_scopes_do_not_see_each_other"),
    (
        Flaw::DropsUnknownMemberFields,
        "a_member_key_comes_back_as_it_was_written",
    ),
    (Flaw::BringsAMemberBack, "a_deleted_member_key_is_gone"),
];
