"""How good the driver of Sampled Values is, and how anybody can tell."""

from __future__ import annotations

from ortsnetz_edge.drivers.assessment import Assessment, NotApplicable, NotYet, Rule, held

_PARTS = "tests/unit/edge/test_edge_sampled_values.py"
_WHOLE = "tests/interop/test_sampled_values_to_power_quality.py"
_WIRE = "tests/interop/test_sampled_values_on_the_wire.py"
_FRAMES = "tests/unit/iec61850/test_sampled_values_frames.py"
_LISTENS = "a stream is listened to; nothing is written"

ASSESSMENT: Assessment = {
    Rule.QUALITY_AND_TIME: held(
        f"{_PARTS}::test_a_clock_that_is_not_that_of_utc_is_said_with_each_value",
        f"{_PARTS}::test_what_the_source_says_of_a_channel_is_said_of_its_values_only",
        f"{_WHOLE}::test_a_window_with_a_lost_sample_has_no_value",
    ),
    Rule.REFUSES_WRONG_PROFILES: held(
        f"{_PARTS}::test_a_connection_that_names_no_stream_is_refused_in_words",
        f"{_PARTS}::test_channels_that_are_not_wanted_are_not_asked_for",
    ),
    Rule.DEADLINES: held(
        f"{_WHOLE}::test_a_receiver_that_dies_costs_its_windows_and_is_found_again"
    ),
    Rule.READS_BACK: NotApplicable(_LISTENS),
    Rule.SILENT_AT_START: NotApplicable(_LISTENS),
    Rule.RECOVERS: held(
        f"{_WHOLE}::test_a_receiver_that_dies_costs_its_windows_and_is_found_again"
    ),
    Rule.BACKS_OFF: held(
        f"{_WHOLE}::test_a_receiver_that_dies_costs_its_windows_and_is_found_again"
    ),
    Rule.ALONE: held(f"{_WIRE}::test_two_subscribers_of_a_stream_hear_the_same"),
    Rule.KNOWS_ITS_DEVICE: held(
        f"{_WIRE}::test_another_revision_or_form_or_a_simulation_is_not_taken"
    ),
    Rule.ADJUSTS: NotApplicable(_LISTENS),
    Rule.LOGS_ONCE: NotApplicable("it logs nothing: the agent raises an alarm for a lost source"),
    Rule.NO_SECRETS: NotApplicable("the protocol has no secrets"),
    Rule.INTEROPERATES: held(
        f"{_WIRE}::test_libiec61850_publishes_and_nothing_is_lost",
        f"{_WIRE}::test_tshark_reads_what_the_publisher_sends",
    ),
    Rule.HOSTILE_FRAMES: held(
        f"{_WIRE}::test_broken_frames_are_counted_and_the_stream_goes_on",
        f"{_FRAMES}::test_any_edit_of_a_frame_is_read_or_refused_in_words",
    ),
    Rule.HALF_OPEN: held(f"{_WHOLE}::test_a_stream_becomes_power_quality_values_of_a_meter"),
    Rule.PROBES: held(f"{_WHOLE}::test_a_technician_reads_a_stream_without_a_profile"),
    Rule.SECURED: NotYet("authentication of frames (IEC 62351-6)"),
    Rule.FUZZED: held(f"{_FRAMES}::test_any_octets_are_read_or_refused_in_words"),
    Rule.SOAKED: NotYet("hours of a stream with random losses"),
    Rule.MEASURED: held(f"{_WIRE}::test_every_sample_arrives_as_it_was_sent"),
}
