"""How good this driver is; see `drivers.assessment`."""

from __future__ import annotations

from ortsnetz_edge.drivers.assessment import Assessment, Rule, held

_STATUS = "tests/unit/edge/test_edge_opcua_status.py"
_READING = "tests/unit/edge/test_edge_opcua_reading.py"
_WRITING = "tests/unit/edge/test_edge_opcua_writing.py"
_FAILING = "tests/unit/edge/test_edge_opcua_failing.py"
_SECURITY = "tests/unit/edge/test_edge_opcua_security.py"
_HOSTILE = "tests/unit/edge/test_edge_opcua_hostile.py"
_PROBE = "tests/unit/edge/test_edge_opcua_probe.py"
_SOAK = "tests/unit/edge/test_edge_opcua_soak.py"
_PEER = "tests/interop/test_opcua_with_node_opcua.py"
_BENCH = "tests/interop/test_opcua_park_shows_the_plant.py"
_TSHARK = "tests/interop/test_opcua_as_tshark_sees_it.py"

ASSESSMENT: Assessment = {
    Rule.QUALITY_AND_TIME: held(
        f"{_STATUS}::test_a_status_code_has_a_quality",
        f"{_READING}::test_values_of_all_number_types_arrive_with_their_source_times",
        f"{_READING}::test_a_value_without_a_source_time_has_the_agents_and_says_so",
        f"{_READING}::test_a_value_that_has_not_changed_for_hours_is_still_now",
        f"{_READING}::test_a_wrong_clock_costs_the_values_their_times_and_nothing_else",
        f"{_READING}::test_a_values_status_is_its_quality",
        f"{_READING}::test_a_node_that_the_server_does_not_have_marks_that_point_alone",
    ),
    Rule.REFUSES_WRONG_PROFILES: held(
        f"{_READING}::test_a_wrong_profile_is_refused_with_file_line_and_reason",
        f"{_READING}::test_what_a_configuration_lacks_is_said_before_anything_is_connected",
    ),
    Rule.DEADLINES: held(
        f"{_FAILING}::test_no_scan_waits_longer_than_its_deadlines",
        f"{_HOSTILE}::test_what_is_no_opc_ua_is_refused_in_words",
    ),
    Rule.READS_BACK: held(
        f"{_WRITING}::test_a_limit_that_is_confirmed_and_not_there_is_not_believed",
        f"{_WRITING}::test_the_fall_back_is_set_before_the_first_limit_of_a_connection",
        f"{_WRITING}::test_a_refusal_names_the_node_and_says_why",
    ),
    Rule.SILENT_AT_START: held(f"{_READING}::test_nothing_is_written_by_itself"),
    Rule.RECOVERS: held(
        f"{_FAILING}::test_after_a_restart_the_values_are_those_of_now",
        f"{_FAILING}::test_a_subscription_is_taken_over_after_a_break_and_no_change_is_lost",
        f"{_FAILING}::test_where_a_subscription_cannot_be_taken_over_everything_is_read_anew",
        f"{_FAILING}::test_several_messages_that_are_missing_are_all_asked_for_again",
        f"{_FAILING}::test_connections_that_break_use_up_no_sessions_of_the_server",
        f"{_READING}::test_namespaces_are_found_by_their_uri_after_a_restart_that_renumbers_them",
    ),
    Rule.BACKS_OFF: held(
        f"{_FAILING}::test_attempts_to_connect_grow_rarer_up_to_a_cap_and_are_spread",
        f"{_READING}::test_where_nobody_listens_the_source_is_unreachable_and_backs_off",
    ),
    Rule.ALONE: held(f"{_FAILING}::test_a_silent_server_delays_no_other"),
    Rule.KNOWS_ITS_DEVICE: held(
        f"{_WRITING}::test_nothing_is_written_to_another_device",
        f"{_WRITING}::test_a_device_that_was_exchanged_while_away_gets_nothing",
    ),
    Rule.ADJUSTS: held(
        "tests/unit/edge/test_edge_adjusts_over_other_protocols.py"
        "::test_a_node_takes_a_voltage_in_its_own_type_and_says_whether_it_counts",
        "tests/unit/edge/test_edge_adjusts_over_other_protocols.py"
        "::test_another_device_behind_the_same_server_is_not_told",
    ),
    Rule.LOGS_ONCE: held(f"{_FAILING}::test_a_lost_server_is_logged_once_and_so_is_its_return"),
    Rule.NO_SECRETS: held(f"{_SECURITY}::test_no_secret_is_in_what_is_said"),
    Rule.INTEROPERATES: held(
        f"{_PEER}::test_values_limits_and_times_of_its_server_arrive_encrypted",
        f"{_PEER}::test_its_server_hands_a_subscription_over_after_a_break",
        f"{_PEER}::test_its_client_reads_writes_and_watches_a_secured_server_of_the_bench",
        f"{_BENCH}::test_a_charge_point_that_charges_is_shown_as_the_plant_has_it",
        f"{_BENCH}::test_a_limit_of_another_stack_acts_in_the_plant_and_is_logged",
        f"{_TSHARK}::test_a_scan_delivers_the_values_and_times_that_the_dissector_reads",
        f"{_TSHARK}::test_a_limit_goes_out_in_the_nodes_own_types_without_status_or_times",
        f"{_TSHARK}::test_the_dissector_reads_the_reports_and_how_each_was_asked_for",
        f"{_TSHARK}::test_all_that_a_technician_asks_is_dissected_as_it_was_meant",
    ),
    Rule.HOSTILE_FRAMES: held(
        f"{_HOSTILE}::test_what_is_no_opc_ua_is_refused_in_words",
        f"{_HOSTILE}::test_a_server_that_never_stops_talking_is_cut_off",
        f"{_HOSTILE}::test_no_short_message_keeps_the_parser_busy",
        f"{_HOSTILE}::test_a_real_conversation_with_bits_flipped_is_survived",
    ),
    Rule.HALF_OPEN: held(
        f"{_FAILING}::test_a_silent_server_is_noticed_at_the_deadline_and_found_again",
        f"{_FAILING}::test_a_server_that_answers_and_reports_nothing_is_not_believed",
    ),
    Rule.PROBES: held(
        f"{_PROBE}::test_what_a_server_holds_is_listed_with_names_that_outlive_its_restart",
        f"{_PROBE}::test_values_are_read_with_what_the_server_says_of_them",
        f"{_PROBE}::test_values_are_watched_as_they_change",
        f"{_PROBE}::test_a_write_is_confirmed_by_reading_it_back",
    ),
    Rule.SECURED: held(
        f"{_SECURITY}::test_values_and_limits_pass_signed_and_encrypted",
        f"{_SECURITY}::test_a_server_of_another_authority_is_not_spoken_to",
        f"{_SECURITY}::test_a_server_whose_certificate_is_for_another_host_is_not_spoken_to",
        f"{_SECURITY}::test_an_expired_certificate_ends_the_connection",
        f"{_SECURITY}::test_a_server_without_security_is_refused_where_certificates_are_asked_for",
        f"{_SECURITY}::test_a_server_does_not_let_in_a_node_that_it_does_not_know",
    ),
    Rule.FUZZED: held(
        f"{_HOSTILE}::test_any_bytes_instead_of_an_acknowledgement_end_in_a_stated_failure",
        f"{_HOSTILE}::test_any_body_in_a_whole_frame_ends_in_a_stated_failure",
        f"{_HOSTILE}::test_only_whole_frames_of_bounded_size_are_passed_on",
        f"{_HOSTILE}::test_parsing_any_results_ends_soon",
    ),
    Rule.SOAKED: held(
        f"{_SOAK}::test_disconnections_leave_nothing_behind",
        "tests/interop/test_drivers_survive_disconnects.py::test_drivers_survive_disconnects",
        "make soak-protocols",
    ),
    Rule.MEASURED: held("make bench-protocols"),
}
