"""The verdict for machines: JUnit XML, one suite a scenario, one test case a criterion."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from ortsnetz_hil.verdict.criteria_values import Judgement
from ortsnetz_hil.verdict.judgement import Verdict

FILE = "junit.xml"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 (section 2.2) does not allow, not even escaped."""


def write(verdicts: Verdict | Iterable[Verdict], path: Path) -> None:
    """Write the verdict on one scenario, or on several."""
    path.write_bytes(encode([verdicts] if isinstance(verdicts, Verdict) else verdicts))


def encode(verdicts: Iterable[Verdict]) -> bytes:
    """JUnit XML as Jenkins and others read it."""
    root = ET.Element("testsuites")
    for verdict in verdicts:
        root.append(_suite(verdict))
    for count in ("tests", "failures"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _suite(verdict: Verdict) -> ET.Element:
    failures = len(verdict.failed)
    suite = ET.Element(
        "testsuite",
        name=_clean(verdict.scenario),
        tests=str(len(verdict.criteria)),
        failures=str(failures),
        errors="0",
        skipped="0",
        time=f"{verdict.seconds:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("title", verdict.title), ("seed", str(verdict.seed))):
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    for name, value in sorted(verdict.versions.items()):
        ET.SubElement(properties, "property", name=f"version of {name}", value=_clean(value))
    for judgement in verdict.criteria:
        suite.append(_case(verdict, judgement))
    return suite


def _case(verdict: Verdict, judgement: Judgement) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=_clean(f"ortsnetz.hil.{verdict.scenario}"),
        name=_clean(judgement.sentence),
        time="0",
    )
    if judgement.passed:
        ET.SubElement(case, "system-out").text = _clean(judgement.words)
        return case
    failure = ET.SubElement(case, "failure", type="criterion", message=_clean(judgement.words))
    failure.text = _clean(f"{judgement.sentence}\n{judgement.words}\n{_numbers(judgement)}")
    return case


def _numbers(judgement: Judgement) -> str:
    if judgement.observed is None or judgement.limit is None:
        return ""
    unit = judgement.unit
    return f"observed {judgement.observed:g} {unit}, limit {judgement.limit:g} {unit}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
