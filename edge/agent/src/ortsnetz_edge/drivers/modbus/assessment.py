"""How good this driver is; see `drivers.assessment`. TCP, serial lines and TLS are one driver."""

from __future__ import annotations

from ortsnetz_edge.drivers.assessment import Assessment, Rule, held

_VALUES = "tests/unit/edge/test_edge_modbus_values.py"
_PLAN = "tests/unit/edge/test_edge_modbus_plan.py"
_DEVICES = "tests/unit/edge/test_edge_modbus_devices.py"
_LINES = "tests/unit/edge/test_edge_modbus_serial_lines.py"
_WRONG = "tests/unit/edge/test_edge_modbus_misbehaving.py"
_HOSTILE = "tests/unit/edge/test_edge_modbus_hostile_frames.py"
_PROBE = "tests/unit/edge/test_edge_modbus_probe.py"
_SOAK = "tests/unit/edge/test_edge_modbus_soak.py"
_LOG = "tests/unit/edge/test_edge_logs_once.py"
_MAPS = "tests/unit/edge/test_edge_profiles_decode_register_maps.py"
_LIBRARY = "tests/interop/test_edge_driver_with_pymodbus_server.py"
_PEER = "tests/interop/test_edge_modbus_with_libmodbus.py"
_TLS = "tests/interop/test_edge_modbus_over_tls.py"
_TSHARK = "tests/interop/test_edge_modbus_as_tshark_sees_it.py"
_BENCH = "tests/interop/test_independent_clients_agree_with_the_plant.py"

ASSESSMENT: Assessment = {
    Rule.QUALITY_AND_TIME: held(
        f"{_VALUES}::test_not_present_counts_the_registers_unsigned_and_is_no_value",
        f"{_DEVICES}::test_a_device_that_lacks_an_address_loses_that_point_only",
        f"{_DEVICES}::test_slower_values_are_read_when_they_are_due_and_keep_their_time",
        f"{_MAPS}::test_a_device_without_a_clock_gets_the_agents_time_and_says_so",
    ),
    Rule.REFUSES_WRONG_PROFILES: held(
        "tests/unit/edge/test_edge_profiles_refusals.py"
        "::test_a_slip_is_refused_where_it_is_and_in_words",
        f"{_PLAN}::test_a_block_that_no_request_can_read_is_refused",
        f"{_DEVICES}::test_a_connection_that_cannot_be_is_refused_by_the_name_of_its_source",
        f"{_LINES}::test_a_line_that_cannot_be_is_refused",
    ),
    Rule.DEADLINES: held(
        f"{_WRONG}::test_a_silent_device_fails_at_its_deadline",
        f"{_WRONG}::test_a_late_but_whole_answer_is_taken_because_the_device_has_served_it",
        f"{_HOSTILE}::test_a_hostile_identification_ends_in_bounded_time",
        f"{_PROBE}::test_browsing_sends_a_bounded_number_of_requests",
    ),
    Rule.READS_BACK: held(
        f"{_DEVICES}::test_fall_back_first_then_the_limit_then_its_enabling",
        f"{_WRONG}::test_a_write_that_is_confirmed_for_another_value_is_not_taken_for_ours",
        f"{_LINES}::test_limits_are_written_whether_the_line_echoes_or_not",
    ),
    Rule.SILENT_AT_START: held(
        f"{_DEVICES}::test_nothing_is_sent_and_nothing_written_before_somebody_asks"
    ),
    Rule.RECOVERS: held(
        f"{_LIBRARY}::test_a_server_that_restarts_is_found_again",
        f"{_PEER}::test_a_device_on_libmodbus_is_found_again_after_its_restart",
        f"{_DEVICES}::test_a_device_that_starts_again_is_asked_again_who_it_is_and_told_its_fall_back",
        f"{_LINES}::test_a_line_whose_adapter_is_pulled_out_is_lost_and_not_waited_for",
    ),
    Rule.BACKS_OFF: held(
        f"{_WRONG}::test_a_closed_port_is_unreachable_and_backs_off_without_asking",
        f"{_DEVICES}::test_a_unit_that_is_away_is_left_alone_for_a_while",
        f"{_DEVICES}::test_a_busy_device_is_asked_in_the_next_scan_without_a_back_off",
    ),
    Rule.ALONE: held(
        f"{_DEVICES}::test_a_silent_unit_behind_a_gateway_costs_its_neighbours_one_time_out",
        f"{_DEVICES}::test_a_gateway_that_says_a_unit_is_away_serves_the_others_on",
        f"{_DEVICES}::test_a_neighbour_that_babbles_costs_others_nothing",
        f"{_LINES}::test_a_silent_unit_costs_the_line_its_time_out_once_a_back_off",
    ),
    Rule.KNOWS_ITS_DEVICE: held(
        f"{_DEVICES}::test_another_device_at_the_address_after_a_restart_is_given_no_limit",
        f"{_DEVICES}::test_values_count_only_after_the_device_has_said_that_it_is_the_one",
        f"{_DEVICES}::test_identity_is_asked_once_a_connection",
    ),
    Rule.ADJUSTS: held(
        "tests/interop/test_edge_adjusts_devices.py"
        "::test_inductive_power_is_negative_at_an_inverter_that_counts_feed_in",
        "tests/interop/test_edge_adjusts_devices.py"
        "::test_what_is_beyond_the_profile_is_refused_in_words_and_never_sent",
        "tests/interop/test_edge_adjusts_devices.py::test_nothing_is_written_to_another_device",
    ),
    Rule.LOGS_ONCE: held(
        f"{_LOG}::test_months_without_a_device_are_two_lines",
        f"{_LOG}::test_a_device_that_refuses_its_setpoint_is_said_to_once",
    ),
    Rule.NO_SECRETS: held(f"{_TLS}::test_no_message_shows_what_is_in_a_key"),
    Rule.INTEROPERATES: held(
        f"{_PEER}::test_a_device_on_libmodbus_is_read_and_written_over_tcp",
        f"{_PEER}::test_a_device_on_libmodbus_is_read_and_written_over_a_serial_line",
        f"{_PEER}::test_what_libmodbus_does_not_have_is_marked_and_the_rest_is_read",
        f"{_BENCH}::test_libmodbus_reads_what_the_other_client_reads_and_who_the_device_is",
        f"{_TSHARK}::test_every_request_over_tcp_is_dissected_as_it_was_meant",
        f"{_TSHARK}::test_every_frame_on_a_line_is_dissected_with_a_good_checksum",
    ),
    Rule.HOSTILE_FRAMES: held(
        f"{_WRONG}::test_an_answer_to_another_function_is_not_taken_for_ours",
        f"{_WRONG}::test_a_connection_closed_in_the_middle_of_a_frame_fails_at_once",
        f"{_WRONG}::test_an_answer_to_an_older_request_is_not_taken_for_the_present_one",
        f"{_LINES}::test_a_garbled_answer_is_refused_and_its_unit_left_alone",
        f"{_LINES}::test_a_late_answer_is_not_taken_for_the_answer_to_a_neighbour",
    ),
    Rule.HALF_OPEN: held(
        f"{_DEVICES}::test_a_half_open_connection_is_noticed_by_the_request_that_stays_without_an_answer",
        f"{_DEVICES}::test_a_half_open_connection_behind_which_several_units_fall_silent_is_given_up",
    ),
    Rule.PROBES: held(
        f"{_PROBE}::test_browsing_shows_models_tables_and_what_is_in_them",
        f"{_PROBE}::test_one_missing_value_does_not_hide_the_others",
        f"{_PROBE}::test_watching_goes_on_through_a_failure_and_says_why_values_are_missing",
        f"{_PROBE}::test_writing_says_what_the_device_now_has",
    ),
    Rule.SECURED: held(
        f"{_TLS}::test_with_certificates_of_one_authority_on_both_sides_values_and_writes_pass",
        f"{_TLS}::test_a_device_with_a_certificate_of_another_authority_is_not_spoken_to",
        f"{_TLS}::test_a_device_that_does_not_accept_our_certificate_is_insecure_and_not_merely_away",
        f"{_TLS}::test_nothing_falls_back_to_plain_text",
    ),
    Rule.FUZZED: held(
        f"{_HOSTILE}::test_a_spoiled_answer_over_tcp_is_no_value_and_the_next_is_right",
        f"{_HOSTILE}::test_a_spoiled_answer_on_a_line_is_no_value",
        f"{_HOSTILE}::test_any_bytes_are_judged_in_words",
        f"{_HOSTILE}::test_no_sound_answer_is_refused_nor_any_beginning_of_it",
        f"{_VALUES}::test_any_registers_give_a_number_or_none",
        f"{_VALUES}::test_what_is_written_is_read_back_the_same",
        f"{_PLAN}::test_no_other_choice_of_requests_needs_fewer",
    ),
    Rule.SOAKED: held(
        f"{_SOAK}::test_lost_connections_leave_nothing_behind",
        "tests/interop/test_drivers_survive_disconnects.py::test_drivers_survive_disconnects",
        "make soak-protocols",
    ),
    Rule.MEASURED: held("make bench-protocols"),
}
