"""A verdict rests on a run's files alone, and says the same to people and to machines."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.timeline import Entry, FaultWatch, Timeline
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.scenarios import library
from ortsnetz_hil.scenarios.reader import parse
from ortsnetz_hil.scenarios.schema import Scenario, encode
from ortsnetz_hil.scenarios.translate import plant_events, plant_faults
from ortsnetz_hil.verdict import judgement, junit, recording_file, report
from ortsnetz_hil.verdict import observed as seen
from ortsnetz_hil.verdict.judgement import Verdict, judge
from ortsnetz_hil.verdict.policies import Unlimited
from ortsnetz_hil.verdict.recording import Recording, store_count
from ortsnetz_hil.verdict.replay import rows
from ortsnetz_hil.verdict.truth_file import TruthWriter

S = 1_000_000_000
ATTRIBUTES = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}
# elements and attributes of the schema that Jenkins publishes for its JUnit plug-in
JENKINS = {
    "testsuites": ({"name", "time", "tests", "failures", "errors", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "id"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": (
        {"name", "assertions", "time", "classname", "status"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}


def _scenario() -> Scenario:
    text = library.template("noon").replace("title: New scenario", "title: Noon <b>& evening</b>")
    text = text.replace("  - nothing lost\n", "").replace("  - nothing doubled\n", "")
    return parse(text.encode(), "x.yaml")[0]


@pytest.fixture(scope="module")
def run(prepared_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run without any limiter leaves, with what an agent that noticed the fault said."""
    root = tmp_path_factory.mktemp("run") / "run"
    shutil.copytree(prepared_run, root)
    scenario, plant = _scenario(), root / "plant"
    (root / "scenario.json").write_bytes(encode(scenario))
    found = msgspec.structs.replace(
        files.read(plant), events=plant_events(scenario, {}), faults=plant_faults(scenario)
    )
    writer = TruthWriter(plant)
    for row in rows(plant, Unlimited()):
        writer.append(row)
    writer.flush()
    files.write(found, plant)
    timeline = Timeline(plant)
    watch = FaultWatch(found.faults, timeline)
    for second in range(121):
        watch.tick(float(second), second * S)
    words = "source voltage to 1.03 pu"
    timeline.append(Entry("event", "source_voltage", words, "source", 20.0, 20.0, 0, "done"))
    timeline.flush()
    _listen(root, found.window.wall_start_ns)
    return root


def _listen(root: Path, begin_ns: int) -> None:
    writer = seen.Writer(root / seen.FILE)
    meter, key = "meter-transformer", "guard-meter-lost/meter-transformer"
    for line in (
        seen.ModeSeen(begin_ns - 5 * S, "active", "started"),
        seen.SourceQuality(begin_ns - 5 * S, meter, good=True),
        seen.SourceQuality(begin_ns + 62 * S, meter, good=False),
        seen.AlarmSeen(begin_ns + 62 * S, key, active=True, priority=3, cause="no answer"),
        seen.ModeSeen(begin_ns + 63 * S, "safe", "meter lost"),
        seen.SourceQuality(begin_ns + 81 * S, meter, good=True),
        seen.AlarmSeen(begin_ns + 81 * S, key, active=False, priority=3, cause="no answer"),
        seen.ModeSeen(begin_ns + 82 * S, "active", ""),
    ):
        writer.put(line)
    writer.close()


@pytest.fixture(scope="module")
def recording(run: Path) -> Recording:
    return recording_file.read(run)


@pytest.fixture(scope="module")
def verdict(recording: Recording) -> Verdict:
    return judge(recording)


def test_nobody_limits_and_so_the_scenario_fails_where_it_has_to(verdict: Verdict) -> None:
    passed = {one.sentence: one.passed for one in verdict.criteria}
    assert not verdict.ok
    assert not passed["loading of transformer below 1.0 within 3 cycles"]
    assert passed["without limits loading of transformer above 1.0"]
    assert passed["quality of meter-transformer invalid within 3 scans of meter lost"]
    assert passed["quality of meter-transformer good within 5 s after meter lost"]
    assert passed["alarm guard-meter-lost/* within 5 s of meter lost"]
    assert passed["trajectory unbroken"]
    assert passed["everything took place"]
    assert not passed["no limit raised while meter lost after 3 s"]  # nothing was controlled


def test_the_same_run_gives_the_same_bytes(
    run: Path, recording: Recording, verdict: Verdict, tmp_path: Path
) -> None:
    read_again = recording_file.read(run)
    again = judge(read_again)
    assert again.same_as(verdict)
    assert judgement.encode(again) == judgement.encode(verdict)
    assert report.render(again, read_again) == report.render(verdict, recording)
    judgement.write_json(verdict, tmp_path / "verdict.json")
    assert judgement.read_json(tmp_path / "verdict.json") == verdict


def test_another_figure_or_margin_is_another_verdict(verdict: Verdict) -> None:
    changed = msgspec.structs.replace(verdict, versions={"numpy": "0"}, overruns=7)
    assert changed.same_as(verdict)
    worse = msgspec.structs.replace(verdict.criteria[1], margin=0.0)
    other = msgspec.structs.replace(verdict, criteria=(verdict.criteria[0], worse))
    assert not other.same_as(verdict)


def test_what_happened_is_told_with_the_scenarios_names(verdict: Verdict) -> None:
    assert verdict.happened is not None
    told = [(one.name, one.first_s, one.last_s, one.is_fault) for one in verdict.happened]
    assert told == [
        ("source voltage 1.03", 20.0, 20.0, False),
        ("meter lost", 60.0, 80.0, True),
    ]


def test_machines_read_it_as_junit(verdict: Verdict, tmp_path: Path) -> None:
    junit.write(verdict, tmp_path / "junit.xml")
    root = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314 - our own file
    for element in root.iter():
        attributes, children = JENKINS[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
    (suite,) = root
    cases = suite.findall("testcase")
    assert suite.attrib["name"] == "noon"
    assert [case.attrib["name"] for case in cases] == [one.sentence for one in verdict.criteria]
    failed = tuple(case.attrib["name"] for case in cases if case.find("failure") is not None)
    assert failed == verdict.failed
    assert "everything took place" in [case.attrib["name"] for case in cases]
    assert int(suite.attrib["failures"]) == len(failed) == int(root.attrib["failures"])
    assert int(suite.attrib["tests"]) == len(cases)


def test_junit_survives_what_xml_forbids(verdict: Verdict) -> None:
    odd = msgspec.structs.replace(verdict.criteria[0], passed=False, words="a\x00b<\ud800 & c")
    text = junit.encode([msgspec.structs.replace(verdict, criteria=(odd,))])
    failure = ET.fromstring(text).find(".//failure")  # noqa: S314 - our own file
    assert failure is not None
    assert failure.attrib["message"] == "a\ufffdb<\ufffd & c"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ATTRIBUTES]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page(recording: Recording, verdict: Verdict) -> str:
    return report.render(verdict, recording)


def test_the_report_asks_nobody_for_anything(page: str) -> None:
    found = _Page()
    found.feed(page)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(found.tags)
    assert all(address.startswith("#") for address in found.addresses)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page


def test_the_report_says_the_verdict_in_words(page: str, verdict: Verdict) -> None:
    found = _Page()
    found.feed(page)
    text = " ".join(" ".join(found.text).split())
    assert "Failed" in text
    assert "Noon <b>& evening</b>" in text  # as it was written, not as markup
    for one in verdict.criteria:
        assert one.sentence in text
        assert one.words in text
    for label in ("transformer", "limit 1", "highest", "lowest", "charge points", "kW", "pu"):
        assert label in text
    for strip in ("meter lost", "safe", "guard-meter-lost/meter-transformer", "plant time in s"):
        assert strip in text


def test_plots_take_their_colours_from_the_page(page: str) -> None:
    drawing = page[page.index("<svg", page.index("The run over time")) :]
    drawing = drawing[: drawing.rindex("</svg>")]
    assert "var(--ink)" in drawing
    references = re.sub(r'(href="|url\()#\w+', "", drawing)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", references)
    defined = set(re.findall(r"(--\w+):", page))
    assert set(re.findall(r"var\((--\w+)\)", page)) <= defined


def test_a_run_of_which_little_is_left_is_judged_all_the_same(run: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(run, root)
    for path in (root / seen.FILE, root / "plant" / "timeline.jsonl"):
        path.unlink()
    recording = recording_file.read(root)
    found = judge(recording)
    blind = [one for one in found.criteria if one.words.startswith("cannot be judged")]
    assert {one.passed for one in blind} == {False}
    assert len(blind) >= 5
    assert "everything took place" in {one.sentence for one in blind}
    assert {one.judged for one in blind} == {False}
    assert found.happened is None
    assert "the run has left no timeline" in report.render(found, recording)


def test_a_damaged_file_is_named(run: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(run, root)
    (root / seen.FILE).write_bytes(b'{"type":"mode","time_ns":1,"mode":"a","reason":""}\n{"x":1}\n')
    with pytest.raises(InputError, match=r"observed\.jsonl:2: not an observation"):
        recording_file.read(root)
    (root / "scenario.json").unlink()
    with pytest.raises(InputError, match=r"scenario\.json: cannot be read"):
        recording_file.read(root)


def test_an_unfinished_line_of_the_observer_costs_only_itself(tmp_path: Path) -> None:
    writer = seen.Writer(tmp_path / seen.FILE)
    lines = (seen.ModeSeen(1, "active", ""), seen.LimitSeen(2, "ev-01", 1.0, "safety", "r"))
    for line in lines:
        writer.put(line)
    writer.close()
    with (tmp_path / seen.FILE).open("ab") as file:
        file.write(b'{"type":"mo')
    found = seen.read(tmp_path / seen.FILE)
    assert (found.modes, found.limits) == ((lines[0],), (lines[1],))
    assert found.totals is None


def test_what_the_cockpit_counted_is_kept(run: Path, tmp_path: Path) -> None:
    counted = {
        "read_counters": [{"device": "ev-01", "count": 7, "doubled": 2}],
        "records_missing": 1,
        "samples_served": 3,
    }
    store = store_count(counted)
    assert store.reads == {"ev-01": seen.ReadCount(distinct=5, doubled=2)}
    root = tmp_path / "run"
    shutil.copytree(run, root)
    recording_file.write_store(root, store)
    assert recording_file.read(root).store == store
