"""How good this driver is; see `ortsnetz_edge.drivers.assessment`."""

from __future__ import annotations

from ortsnetz_edge.drivers.assessment import Assessment, NotApplicable, NotYet, Rule, held

_NUMBERS = "tests/unit/iec61850/test_goose_supervision.py"
_DECODING = "tests/unit/iec61850/test_goose_decoding.py"
_CONFIGURATION = "tests/unit/iec61850/test_goose_configuration.py"
_EXPECTED = "tests/unit/iec61850/test_goose_subscription.py"
_AGENT = "tests/interop/test_goose_reaches_the_agent.py"
_LIBRARY = "tests/interop/test_goose_with_libiec61850.py"
_TSHARK = "tests/interop/test_goose_as_tshark_sees_it.py"
_TOOLS = "tests/interop/test_goose_for_technicians.py"
_SOAK = "tests/interop/test_goose_survives_disturbances.py"
_ONLY_TELLS = "GOOSE only tells: nothing can be written, and a profile with set points is refused"

ASSESSMENT: Assessment = {
    Rule.QUALITY_AND_TIME: held(
        f"{_AGENT}::test_what_the_bay_says_arrives_with_its_quality_and_time",
        f"{_EXPECTED}::test_a_value_has_the_quality_of_its_own_object_and_no_other",
        f"{_EXPECTED}::test_a_clock_that_is_not_right_says_so",
        f"{_DECODING}::test_a_quality_is_read_from_its_bits",
    ),
    Rule.REFUSES_WRONG_PROFILES: held(
        f"{_CONFIGURATION}::test_a_wrong_profile_is_refused_with_file_line_and_reason",
        f"{_CONFIGURATION}::test_a_connection_that_does_not_work_is_refused_in_words",
        f"{_CONFIGURATION}::test_a_profile_of_which_nothing_travels_is_refused",
    ),
    Rule.DEADLINES: held(
        f"{_AGENT}::test_a_publisher_that_is_killed_makes_its_points_invalid_until_it_is_back",
        f"{_NUMBERS}::test_no_message_is_believed_for_longer_than_a_minute",
        f"{_DECODING}::test_the_fullest_frame_is_judged_in_a_moment",
    ),
    Rule.READS_BACK: NotApplicable(_ONLY_TELLS),
    Rule.SILENT_AT_START: NotApplicable("it sends nothing, ever"),
    Rule.RECOVERS: held(
        f"{_AGENT}::test_a_publisher_that_is_killed_makes_its_points_invalid_until_it_is_back",
        f"{_AGENT}::test_an_interface_that_goes_down_and_comes_back_is_listened_to_again",
        f"{_NUMBERS}::test_a_publisher_that_starts_again_is_known_by_a_newer_state",
        f"{_NUMBERS}::test_a_publisher_without_a_clock_is_believed_again_after_a_silence",
    ),
    Rule.BACKS_OFF: NotApplicable("it asks nobody; an interface that is gone is tried each second"),
    Rule.ALONE: held(f"{_AGENT}::test_what_a_publisher_does_wrong_costs_its_points_alone"),
    Rule.KNOWS_ITS_DEVICE: held(
        f"{_EXPECTED}::test_what_is_not_as_expected_makes_all_values_invalid",
        f"{_EXPECTED}::test_a_message_that_came_another_way_is_refused",
    ),
    Rule.ADJUSTS: NotApplicable(_ONLY_TELLS),
    Rule.LOGS_ONCE: held(
        f"{_AGENT}::test_a_stream_that_is_lost_is_logged_once_and_so_is_its_return"
    ),
    Rule.NO_SECRETS: NotApplicable("it knows none"),
    Rule.INTEROPERATES: held(
        f"{_LIBRARY}::test_what_its_publisher_sends_is_taken",
        f"{_LIBRARY}::test_its_subscriber_believes_what_we_publish",
        f"{_TSHARK}::test_the_dissector_reads_every_field_as_it_was_meant",
        f"{_TSHARK}::test_the_dissector_reads_every_value_as_it_was_meant",
    ),
    Rule.HOSTILE_FRAMES: held(
        f"{_DECODING}::test_a_frame_that_is_cut_off_anywhere_is_refused",
        f"{_DECODING}::test_a_field_that_comes_twice_or_out_of_its_order_is_refused",
        f"{_DECODING}::test_structures_within_structures_are_bounded",
        f"{_NUMBERS}::test_an_older_message_is_refused_and_counted",
        f"{_NUMBERS}::test_a_replay_keeps_no_stream_alive",
    ),
    Rule.HALF_OPEN: held(
        f"{_NUMBERS}::test_a_stream_is_lost_once_when_its_time_has_passed",
        f"{_EXPECTED}::test_after_its_time_a_stream_has_no_value_and_says_since_when",
    ),
    Rule.PROBES: held(
        f"{_TOOLS}::test_streams_that_are_as_the_file_says_are_listed",
        f"{_TOOLS}::test_a_table_names_what_is_not_as_the_file_says_and_who_is_missing",
        f"{_TOOLS}::test_a_probe_shows_streams_and_values",
    ),
    Rule.SECURED: NotYet("signatures of IEC 62351-6 are not verified"),
    Rule.FUZZED: held(
        f"{_DECODING}::test_any_octets_end_in_a_frame_or_in_words",
        f"{_DECODING}::test_a_frame_with_octets_changed_ends_in_a_frame_or_in_words",
    ),
    Rule.SOAKED: held(f"{_SOAK}::test_disturbances_are_counted_and_leave_nothing_behind"),
    Rule.MEASURED: held("make bench-61850"),
}
