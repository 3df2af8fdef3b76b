"""Controls and settings of the IED: each command is the plant's to take or to refuse."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.bench_ied import TAKEN
from ortsnetz_iec61850.ied.counting import Counting
from ortsnetz_iec61850.ied.desk import Desk
from ortsnetz_iec61850.ied.model import Controlled, Model
from ortsnetz_iec61850.library.server import (
    Carried,
    Checked,
    CheckHandler,
    OperateHandler,
    Value,
    WriteAnswer,
    WriteHandler,
    functions,
    value_of,
)

CHECK_S = 1.0
"""So long a check waits for the plant. Nobody else is served then: it is a small device."""
AT_ONCE_S = 0.005
"""So long an operate waits before the others are served again; then it is looked for each round."""
OPERATE_S = 2.0
"""So long an operate may take in all; then it is terminated: time limit over."""
TIME_LIMIT_OVER, NOT_SUPPORTED, UNKNOWN_CAUSE = 16, 1, 0
ERROR_UNKNOWN = 1

_log = logging.getLogger("ortsnetz.ied")


@dataclass(slots=True)
class ControlPoint:
    """One control and what is under way on it: the library lets one command in at a time.

    Attributes:
        kept: the library's callbacks; they have to live as long as the server.
    """

    control: Controlled
    desk: Desk | None
    counting: Counting
    kept: list[Any] = field(default_factory=list)
    _under_way: int | None = None
    _until: float = 0.0

    def install(self, server: int) -> None:
        """Let the library ask."""
        check, operate = CheckHandler(self._checked), OperateHandler(self._operated)
        self.kept += [check, operate]
        call = functions()
        call.IedServer_setPerformCheckHandler(server, self.control.handle, check, None)
        call.IedServer_setControlHandler(server, self.control.handle, operate, None)

    def _checked(self, *what: Any) -> int:
        action, _, value, test, _ = what
        try:
            return self._check(action, value, test=test)
        except Exception:  # noqa: BLE001 - the library would take it for an answer: 0
            return self._fault(action, Checked.HARDWARE_FAULT)

    def _operated(self, *what: Any) -> int:
        action, _, value, test = what
        try:
            return self._operate(action, value, test=test)
        except Exception:  # noqa: BLE001 - as above
            return self._fault(action, Carried.FAILED)

    def _fault(self, action: int, answer: Checked | Carried) -> int:
        _log.exception("a handler of %s failed", self.control.reference)
        self.counting.add("faults")
        functions().ControlAction_setAddCause(action, UNKNOWN_CAUSE)
        return int(answer)

    def _check(self, action: int, value: int | None, *, test: bool) -> int:
        call = functions()
        self._abandon()
        selects = bool(call.ControlAction_isSelect(action))
        self.counting.add("selects" if selects else "operates")
        found = value_of(value)
        cause = self._ask_check(found, test=test) if found is not None or selects else NOT_SUPPORTED
        if cause == TAKEN:
            return int(Checked.ACCEPTED)
        if not selects:
            self.counting.add("unanswered" if cause == TIME_LIMIT_OVER else "refused")
        call.ControlAction_setError(action, ERROR_UNKNOWN)
        call.ControlAction_setAddCause(action, cause)
        return int(Checked.ACCESS_DENIED)

    def _abandon(self) -> None:
        """Forget a command whose client was gone before it ended: the library asks no more."""
        number, self._under_way = self._under_way, None
        if number is not None and self.desk is not None:
            self.desk.forget(number)

    def _ask_check(self, value: Value, *, test: bool) -> int:
        if self.desk is None:
            return NOT_SUPPORTED
        number = self.desk.ask("check", self.control.reference, value, test=test)
        if number is None:
            return TIME_LIMIT_OVER
        cause = self.desk.answer(number, CHECK_S)
        if cause is None:
            self.desk.forget(number)
            return TIME_LIMIT_OVER
        return cause

    def _operate(self, action: int, value: int | None, *, test: bool) -> int:
        if self.desk is None:
            return int(Carried.FAILED)
        if self._under_way is None:
            self._under_way = self.desk.ask(
                "operate", self.control.reference, value_of(value), test=test
            )
            self._until = time.monotonic() + OPERATE_S
        number = self._under_way
        cause = None if number is None else self.desk.answer(number, AT_ONCE_S)
        if cause is None and number is not None and time.monotonic() < self._until:
            return int(Carried.WAITING)
        self._under_way = None
        if number is not None and cause is None:
            self.desk.forget(number)
        if cause is None:
            self.counting.add("unanswered")
        if cause == TAKEN:
            return int(Carried.OK)
        call = functions()
        call.ControlAction_setError(action, ERROR_UNKNOWN)
        call.ControlAction_setAddCause(action, TIME_LIMIT_OVER if cause is None else cause)
        return int(Carried.FAILED)


@dataclass(slots=True)
class SettingPoint:
    """A setting that clients may write.

    Attributes:
        kept: the library's callback.
    """

    reference: str
    desk: Desk
    counting: Counting
    kept: Any = None

    def install(self, server: int, handle: int) -> None:
        """Let the library ask."""
        self.kept = WriteHandler(self._written)
        functions().IedServer_handleWriteAccess(server, handle, self.kept, None)

    def _written(self, _: object, value: int | None, __: object, ___: object) -> int:
        try:
            return self._write(value)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("the handler of %s failed", self.reference)
            self.counting.add("faults")
            return int(WriteAnswer.HARDWARE_FAULT)

    def _write(self, value: int | None) -> int:
        found = value_of(value)
        if found is None:
            return int(WriteAnswer.TYPE_INCONSISTENT)
        number = self.desk.ask("setting", self.reference, found, test=False)
        cause = None if number is None else self.desk.answer(number, CHECK_S)
        if cause is None:
            if number is not None:
                self.desk.forget(number)
            self.counting.add("unanswered")
            return int(WriteAnswer.TEMPORARILY_UNAVAILABLE)
        if cause != TAKEN:
            self.counting.add("refused")
            return int(WriteAnswer.VALUE_INVALID)
        self.counting.add("settings")
        return int(WriteAnswer.SUCCESS)


def install(
    server: int, model: Model, desk: Desk | None, counting: Counting, settings: tuple[str, ...]
) -> list[object]:
    """Install all handlers; what comes back has to live as long as the server.

    Args:
        server: the library's.
        model: its model.
        desk: None where no plant is there: every command is refused then, as not supported.
        counting: counts commands.
        settings: references of what clients may write.

    Raises:
        InputError: the model has no such setting.
    """
    kept: list[object] = []
    for control in model.controls.values():
        point = ControlPoint(control, desk, counting)
        point.install(server)
        kept.append(point)
    for reference in settings:
        leaf = model.leaves.get(reference)
        if leaf is None or desk is None:
            raise InputError(f"the IED's file has no setting {reference}, or nobody takes it")
        setting = SettingPoint(reference, desk, counting)
        setting.install(server, leaf.handle)
        kept.append(setting)
    return kept
