"""Set points: by control or by setting, as their reference says."""

from __future__ import annotations

import asyncio

from ortsnetz_common.drivers.values import DriverError, FailureKind
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.library.control import Checks, ControlObject, ControlRefusedError
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.library.values import MmsType
from ortsnetz_iec61850.mms.life import Life
from ortsnetz_iec61850.mms.places import Variable, domain_of
from ortsnetz_iec61850.mms.session import Session

REQUESTS_OF_A_COMMAND = 6
"""Type, control model, control value's type, select, operate, and one to spare."""


async def set_point(
    session: Session,
    reference: ObjectReference,
    value: float,
    *,
    generation: int,
    last_s: float,
    checks: Checks | None = None,
) -> bool:
    """Write one value over the connection on which the device has said who it is.

    A command that is not confirmed is not repeated.

    Args:
        session: to the device.
        reference: `[CO]` is operated by the object's own control model, all else is written.
        value: as the device counts.
        generation: number of the connection.
        last_s: longest time from an operate to its termination.
        checks: flags of a command.

    Returns:
        Whether the device says that it is done; with normal security a command is only accepted.

    Raises:
        DriverError: the device did not confirm it; with the additional cause in words.
    """
    try:
        if reference.is_control:
            return await _operate(
                session,
                reference,
                value,
                generation=generation,
                last_s=last_s,
                checks=checks or Checks(),
            )
        await session.call(
            lambda life: _write(life, reference, value), generation=generation, requests=3
        )
    except ValueError as error:
        raise DriverError(
            FailureKind.REFUSED, f"{session.endpoint}: {reference} {error}: nothing was written"
        ) from None
    except ControlRefusedError as error:
        raise DriverError(FailureKind.REFUSED, f"{session.endpoint}: {error}") from None
    return True


async def _operate(
    session: Session,
    reference: ObjectReference,
    value: float,
    *,
    generation: int,
    last_s: float,
    checks: Checks,
) -> bool:
    loop = asyncio.get_running_loop()
    end: asyncio.Future[ControlRefusedError | None] = loop.create_future()

    def ended(reason: ControlRefusedError | None) -> None:
        loop.call_soon_threadsafe(_settle, end, reason)

    def work(life: Life) -> ControlObject:
        control, kind = _control(life, reference)
        control.operate(kind, value, checks, ended)
        return control

    try:
        control = await session.call(work, generation=generation, requests=REQUESTS_OF_A_COMMAND)
        if not control.model.terminates:
            return False
        async with asyncio.timeout(last_s):
            reason = await end
    except TimeoutError:
        # a termination that comes too late must not be taken for that of the next command
        raise session.give_up(
            FailureKind.TIMEOUT,
            f"{reference}: operated, and no termination within {last_s:g} s: what it did is not "
            "known",
            generation,
        ) from None
    except asyncio.CancelledError:  # the same, where nobody waits for it any more
        session.give_up(FailureKind.TIMEOUT, f"{reference}: a command was given up", generation)
        raise
    if reason is not None:
        raise reason
    return True


def _settle(
    end: asyncio.Future[ControlRefusedError | None], reason: ControlRefusedError | None
) -> None:
    if not end.done():
        end.set_result(reason)


def _control(life: Life, reference: ObjectReference) -> tuple[ControlObject, VariableType]:
    """The control of an object, and its control value's type."""
    domain = _domain(life, reference)
    path = reference.control_object
    variable = Variable(domain, "$".join((reference.node, "CO", *path)))
    kind = life.directory.type_of(variable)
    operate = None if kind is None else kind.part("Oper")
    content = None
    if kind is not None and operate is not None:
        oper = kind.parts[operate]
        place = oper.part("ctlVal")
        content = None if place is None else oper.parts[place]
    if content is None:
        raise LibraryError(22, f"control {variable}")
    name = f"{domain}/{reference.node}.{'.'.join(path)}"
    if name not in life.controls:
        life.controls[name] = ControlObject(life.association, name)
    return life.controls[name], content


def _write(life: Life, reference: ObjectReference, value: float) -> None:
    domain = _domain(life, reference)
    item = "$".join((reference.node, str(reference.constraint), *reference.path))
    kind = life.directory.type_of(Variable(domain, item))
    if kind is None:
        raise LibraryError(22, f"write {domain}/{item}")
    if kind.kind in (MmsType.STRUCTURE, MmsType.ARRAY):
        raise ValueError("is no single value")
    life.association.write(domain, item, kind, value)


def _domain(life: Life, reference: ObjectReference) -> str:
    domain = domain_of(reference, life.directory.domains)
    if domain is None:
        raise LibraryError(22, f"logical device {reference.device}")
    return domain
