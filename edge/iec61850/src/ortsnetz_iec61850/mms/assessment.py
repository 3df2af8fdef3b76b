"""How good this driver is; see `ortsnetz_edge.drivers.assessment`."""

from __future__ import annotations

from ortsnetz_edge.drivers.assessment import Assessment, NotApplicable, NotYet, Rule, held

_PURE = "tests/unit/edge/test_iec61850_places_and_samples.py"
_WORKER = "tests/unit/edge/test_iec61850_worker.py"
_IED = "tests/interop/test_iec61850_driver_with_an_ied.py"
_MODELS = "tests/interop/test_iec61850_control_models.py"
_TOOLS = "tests/interop/test_iec61850_technician_and_set_points.py"
_STRANGERS = "tests/unit/edge/test_edge_drivers_before_strangers.py"

ASSESSMENT: Assessment = {
    Rule.QUALITY_AND_TIME: held(
        f"{_IED}::test_each_value_comes_with_its_own_quality_and_time",
        f"{_IED}::test_what_the_ied_does_not_have_is_missing_and_the_rest_is_there",
        f"{_PURE}::test_validity_means_what_the_standard_says",
        f"{_PURE}::test_each_detail_of_the_quality_is_carried_through",
        f"{_PURE}::test_a_time_is_read_to_the_nanosecond_with_its_flags",
    ),
    Rule.REFUSES_WRONG_PROFILES: held(
        f"{_TOOLS}::test_a_wrong_profile_or_address_is_refused_with_its_reason_and_nothing_connected"
    ),
    Rule.DEADLINES: held(
        f"{_IED}::test_a_silent_ied_is_given_up_at_its_deadline_and_recovers",
        f"{_WORKER}::test_a_call_that_does_not_come_back_leaves_the_worker_stuck",
        f"{_STRANGERS}::test_a_stranger_gives_no_value_and_holds_nobody_up",
    ),
    Rule.READS_BACK: held(
        f"{_IED}::test_a_limit_is_selected_and_operated_once_and_its_refusal_says_why",
        f"{_IED}::test_a_command_that_ends_badly_says_so_with_its_cause",
        f"{_MODELS}::test_an_object_is_operated_as_its_model_wants_it",
        f"{_MODELS}::test_a_refusal_says_why_in_every_model",
    ),
    Rule.SILENT_AT_START: held(f"{_IED}::test_nothing_is_commanded_that_nobody_asked_for"),
    Rule.RECOVERS: held(
        f"{_IED}::test_what_a_device_reported_while_nobody_was_connected_arrives_afterwards",
        f"{_IED}::test_what_the_buffer_no_longer_holds_is_a_stated_gap",
        f"{_IED}::test_an_ied_that_has_restarted_is_gone_on_with_and_what_it_forgot_is_a_stated_gap",
        f"{_IED}::test_a_block_that_somebody_else_holds_is_waited_for_then_another_is_taken",
        f"{_IED}::test_a_block_that_was_disabled_is_enabled_again_and_what_it_did_not_report_is_a_gap",
        f"{_IED}::test_a_driver_process_that_dies_or_hangs_costs_its_device_only_a_while",
    ),
    Rule.BACKS_OFF: held(
        f"{_IED}::test_a_device_that_is_not_there_is_unreachable_and_backs_off",
        f"{_STRANGERS}::test_nobody_at_the_address_is_unreachable_and_then_waited_for",
    ),
    Rule.ALONE: held(
        f"{_STRANGERS}::test_strangers_of_all_protocols_delay_no_device_that_is_well",
        f"{_WORKER}::test_waiting_for_others_is_no_time_of_its_own",
    ),
    Rule.KNOWS_ITS_DEVICE: held(
        f"{_IED}::test_another_device_at_the_address_gives_no_value_and_gets_no_limit"
    ),
    Rule.ADJUSTS: held(
        f"{_TOOLS}::test_an_inverter_is_told_its_reactive_power_and_says_what_is_in_force"
    ),
    Rule.LOGS_ONCE: NotApplicable(
        "it logs what was lost of reports, once each; the agent raises an alarm for a lost source"
    ),
    Rule.NO_SECRETS: held(f"{_IED}::test_over_tls_only_with_certificates_that_fit"),
    Rule.INTEROPERATES: NotYet(
        "a server that is not libiec61850's: none is open; the Rust client checks the bench's side"
    ),
    Rule.HOSTILE_FRAMES: held(
        f"{_STRANGERS}::test_a_stranger_gives_no_value_and_holds_nobody_up",
        f"{_PURE}::test_whatever_a_device_answers_becomes_a_sample",
    ),
    Rule.HALF_OPEN: held(f"{_IED}::test_a_silent_ied_is_given_up_at_its_deadline_and_recovers"),
    Rule.PROBES: held(
        f"{_TOOLS}::test_what_an_ied_holds_is_listed_from_its_devices_down_to_its_values",
        f"{_TOOLS}::test_values_are_read_raw_and_what_is_not_there_says_why",
        f"{_TOOLS}::test_values_are_watched_as_they_change",
        f"{_TOOLS}::test_a_technician_writes_a_setting_and_operates_a_control",
    ),
    Rule.SECURED: held(f"{_IED}::test_over_tls_only_with_certificates_that_fit"),
    Rule.FUZZED: NotYet("its parser is libiec61850's, in C: a crash costs the process, no more"),
    Rule.SOAKED: held("make stress-61850"),
    Rule.MEASURED: held("make bench-61850"),
}
