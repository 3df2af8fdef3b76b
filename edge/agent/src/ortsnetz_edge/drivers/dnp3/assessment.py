"""How good this driver is; see `drivers.assessment`."""

from __future__ import annotations

from ortsnetz_edge.drivers.assessment import Assessment, Rule, held

_FLAGS = "tests/unit/edge/test_edge_dnp3_flags.py"
_OBJECTS = "tests/unit/edge/test_edge_dnp3_objects.py"
_SESSION = "tests/unit/edge/test_edge_dnp3_session.py"
_WRONG = "tests/unit/edge/test_edge_dnp3_misbehaving.py"
_WHO = "tests/unit/edge/test_edge_dnp3_who_is_there.py"
_TLS = "tests/unit/edge/test_edge_dnp3_tls.py"
_PROBE = "tests/unit/edge/test_edge_dnp3_probe.py"
_PEER = "tests/interop/test_dnp3_with_opendnp3.py"
_TSHARK = "tests/interop/test_dnp3_as_tshark_sees_it.py"

ASSESSMENT: Assessment = {
    Rule.QUALITY_AND_TIME: held(
        f"{_FLAGS}::test_the_five_lowest_flags_mean_the_same_everywhere",
        f"{_FLAGS}::test_the_other_flags_depend_on_the_kind_of_point",
        f"{_SESSION}::test_a_change_keeps_the_time_at_which_the_device_saw_it",
        f"{_SESSION}::test_a_clock_that_is_wrong_is_not_used_and_said",
    ),
    Rule.REFUSES_WRONG_PROFILES: held(
        f"{_SESSION}::test_a_wrong_profile_is_refused_with_its_reason",
        f"{_SESSION}::test_a_connection_that_cannot_be_is_refused_in_words",
    ),
    Rule.DEADLINES: held(
        f"{_WRONG}::test_a_silent_outstation_costs_one_deadline_and_then_a_waiting_time",
        f"{_WRONG}::test_an_answer_that_is_late_but_whole_is_taken",
        f"{_WRONG}::test_what_does_not_fit_closes_the_connection_and_the_next_one_works",
    ),
    Rule.READS_BACK: held(
        f"{_PEER}::test_limits_are_written_in_each_form_and_read_back",
        f"{_PEER}::test_a_refused_limit_says_why_and_operates_nothing",
    ),
    Rule.SILENT_AT_START: held(f"{_SESSION}::test_nothing_is_operated_before_somebody_writes"),
    Rule.RECOVERS: held(
        f"{_SESSION}::test_it_recovers_by_itself_and_logs_once",
        f"{_SESSION}::test_a_restart_makes_everything_new_and_sets_the_fall_back_again",
        f"{_SESSION}::test_lost_events_are_noticed_and_everything_read_again",
    ),
    Rule.BACKS_OFF: held(
        f"{_WRONG}::test_the_waiting_time_is_its_own_for_each_outstation_and_bounded"
    ),
    Rule.ALONE: held(f"{_WRONG}::test_nobody_else_waits_for_one_that_is_silent_or_babbles"),
    Rule.KNOWS_ITS_DEVICE: held(
        f"{_SESSION}::test_nothing_is_taken_from_and_nothing_written_to_another_station",
        f"{_SESSION}::test_a_station_that_does_not_say_what_it_is_gets_no_limit",
        f"{_WHO}::test_what_the_device_before_has_said_holds_for_nobody_else",
        f"{_WHO}::test_a_bay_whose_device_is_exchanged_while_the_connection_stands_gets_nothing",
    ),
    Rule.ADJUSTS: held(
        "tests/unit/edge/test_edge_adjusts_over_other_protocols.py"
        "::test_an_analog_output_is_selected_operated_and_read_back",
        "tests/unit/edge/test_edge_adjusts_over_other_protocols.py"
        "::test_an_outstation_that_is_another_one_is_not_told",
    ),
    Rule.LOGS_ONCE: held(f"{_SESSION}::test_it_recovers_by_itself_and_logs_once"),
    Rule.NO_SECRETS: held(f"{_TLS}::test_a_station_that_cannot_prove_who_it_is_gets_no_connection"),
    Rule.INTEROPERATES: held(
        f"{_PEER}::test_our_master_reads_every_kind_of_point",
        f"{_PEER}::test_an_answer_of_many_fragments_is_taken_whole",
        f"{_PEER}::test_changes_are_reported_without_being_asked_for",
        f"{_PEER}::test_a_relay_is_commanded_in_each_form",
        f"{_PEER}::test_its_master_reads_what_the_devices_of_the_plant_show",
        f"{_TSHARK}::test_the_dissector_finds_nothing_malformed",
    ),
    Rule.HOSTILE_FRAMES: held(
        f"{_WRONG}::test_what_does_not_fit_closes_the_connection_and_the_next_one_works",
        f"{_WRONG}::test_a_connection_that_ends_within_a_frame_is_lost_at_once",
    ),
    Rule.HALF_OPEN: held(f"{_WRONG}::test_a_half_open_connection_is_noticed_by_the_next_scan"),
    Rule.PROBES: held(
        f"{_PROBE}::test_everything_that_a_station_holds_is_listed",
        f"{_PROBE}::test_changes_are_watched_as_they_are_reported",
        f"{_PROBE}::test_one_value_is_written_and_read_back_and_a_refusal_is_said",
    ),
    Rule.SECURED: held(
        f"{_TLS}::test_a_station_is_read_and_limited_over_tls",
        f"{_TLS}::test_a_node_that_the_station_does_not_know_gets_nothing",
        f"{_TLS}::test_neither_end_falls_back_to_plain_text",
    ),
    Rule.FUZZED: held(
        f"{_OBJECTS}::test_no_header_whatever_makes_the_reader_fail_otherwise",
        f"{_WRONG}::test_any_octets_are_survived",
        f"{_WRONG}::test_any_damage_to_a_good_answer_is_survived",
        f"{_WRONG}::test_any_objects_in_good_frames_are_survived",
    ),
    Rule.SOAKED: held(
        "tests/unit/edge/test_edge_dnp3_soak.py::test_disconnections_leave_nothing_behind",
        "tests/interop/test_drivers_survive_disconnects.py::test_drivers_survive_disconnects",
        "make soak-protocols",
    ),
    Rule.MEASURED: held("make bench-protocols"),
}
