"""How good the toy driver is, and how anybody can tell."""

from __future__ import annotations

from ortsnetz_edge.drivers.assessment import Assessment, NotApplicable, NotYet, Rule, held

_GUIDE = "tests/unit/edge/test_guide_writing_a_driver.py"
_ALONE = "tests/unit/edge/test_edge_acquisition_isolation.py"

ASSESSMENT: Assessment = {
    Rule.QUALITY_AND_TIME: held(f"{_GUIDE}::test_what_the_device_does_not_say_is_missing_not_zero"),
    Rule.REFUSES_WRONG_PROFILES: held(
        f"{_GUIDE}::test_a_wrong_profile_is_refused_with_file_line_and_reason"
    ),
    Rule.DEADLINES: held(f"{_GUIDE}::test_a_silent_device_is_given_up_at_its_deadline"),
    Rule.READS_BACK: held(f"{_GUIDE}::test_a_limit_is_written_once_and_read_back"),
    Rule.SILENT_AT_START: held(f"{_GUIDE}::test_nothing_is_written_that_was_not_asked_for"),
    Rule.RECOVERS: held(
        f"{_ALONE}::test_sick_devices_of_all_kinds_delay_no_other_and_recover_by_themselves"
    ),
    Rule.BACKS_OFF: held(f"{_GUIDE}::test_a_silent_device_is_given_up_at_its_deadline"),
    Rule.ALONE: held(
        f"{_ALONE}::test_sick_devices_of_all_kinds_delay_no_other_and_recover_by_themselves"
    ),
    Rule.KNOWS_ITS_DEVICE: held(
        f"{_ALONE}::test_another_device_at_the_address_gives_no_value_and_gets_no_limit"
    ),
    Rule.ADJUSTS: NotApplicable("the toy protocol takes nothing but a limit"),
    Rule.LOGS_ONCE: NotApplicable("it logs nothing: the agent raises an alarm for a lost source"),
    Rule.NO_SECRETS: NotApplicable("the protocol has no secrets"),
    Rule.INTEROPERATES: NotYet("there is no second implementation of the toy protocol"),
    Rule.HOSTILE_FRAMES: held(
        f"{_ALONE}::test_sick_devices_of_all_kinds_delay_no_other_and_recover_by_themselves"
    ),
    Rule.HALF_OPEN: held(f"{_GUIDE}::test_a_silent_device_is_given_up_at_its_deadline"),
    Rule.PROBES: held(f"{_GUIDE}::test_a_technician_probes_it"),
    Rule.SECURED: NotYet("a line of text over TCP has neither encryption nor authentication"),
    Rule.FUZZED: NotYet("a fuzzer of the answers"),
    Rule.SOAKED: NotYet("minutes of random disconnects"),
    Rule.MEASURED: NotYet("a comparison with a plain loop"),
}
