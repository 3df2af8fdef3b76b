"""What is wrong with a network, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Errors forbid computing. Warnings do not: the numbers are possible, but hardly true."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that makes a network unusable, or that is hardly true.

    Attributes:
        component: name of the component, or an empty text.
        fields: attributes concerned.
        ids: elements concerned.
        sentence: names element, attribute and reason.
        severity: whether it forbids computing.
        rule: name of the rule that found it, see docs/design/network-check.md.
        advice: what to do about it, or an empty text.
    """

    component: str
    fields: tuple[str, ...]
    ids: tuple[int, ...]
    sentence: str
    severity: Severity = Severity.ERROR
    rule: str = "format"
    advice: str = ""
