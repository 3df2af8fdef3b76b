"""What a device says it is: texts in registers, or function 43/14 with all that follows."""

from __future__ import annotations

from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Identity
from ortsnetz_edge.drivers.modbus.decode import clean_text, text_of
from ortsnetz_edge.drivers.modbus.exceptions import NO_SUCH_FUNCTION, NOT_THERE, RefusedError
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_edge.profiles.references.modbus import RegisterReference, Table

VENDOR_NAME, PRODUCT_CODE, REVISION, VENDOR_URL, PRODUCT_NAME, MODEL_NAME, APPLICATION = range(7)
OBJECTS = (
    "vendor name",
    "product code",
    "revision",
    "vendor URL",
    "product name",
    "model name",
    "user application name",
)
_BASIC, _REGULAR, _EXTENDED = 1, 2, 3
_MOST_ANSWERS = 16
"""So many answers may follow each other; a device that always promises more is left."""


async def identity_at(places: IdentityMap[RegisterReference], unit: Unit, epoch: Epoch) -> Identity:
    """What a device says it is at the places that its profile names.

    Raises:
        DriverError: there is no answer; what it does not have is None.
    """
    wanted = (places.maker_at, places.model_at, places.serial_at)
    objects: dict[int, str] = {}
    if any(at is not None and at.table is Table.IDENTIFICATION for at in wanted):
        objects = await identification(unit, epoch)
    said = [await _text(at, objects, unit, epoch) for at in wanted]
    return Identity(*said)


async def basic_identity(unit: Unit, epoch: Epoch) -> Identity:
    """What a device says by function 43; nothing where it does not know that.

    Raises:
        DriverError: there is no answer.
    """
    objects = await identification(unit, epoch)
    return Identity(
        maker=objects.get(VENDOR_NAME),
        model=objects.get(MODEL_NAME) or objects.get(PRODUCT_NAME) or objects.get(PRODUCT_CODE),
    )


async def identification(unit: Unit, epoch: Epoch) -> dict[int, str]:
    """Texts of function 43/14 by object, as many as the device has.

    MODBUS application protocol 1.1b3, 6.21: a device that does not know extended objects answers
    with what it knows; some refuse instead, and are asked for less.

    Raises:
        DriverError: there is no answer.
    """
    for code in (_EXTENDED, _REGULAR, _BASIC):
        try:
            return await _objects(unit, epoch, code)
        except RefusedError as error:
            if error.code not in NOT_THERE:
                raise
            if error.code == NO_SUCH_FUNCTION:
                return {}
    return {}


async def _objects(unit: Unit, epoch: Epoch, code: int) -> dict[int, str]:
    found: dict[int, str] = {}
    following = 0
    for _ in range(_MOST_ANSWERS):
        answer = await unit.identification(code, following, epoch)
        for number, raw in answer.texts:
            text = clean_text(raw)
            if text is not None:
                found.setdefault(number, text)
        if answer.following is None:
            return found
        if answer.following <= following:
            break
        following = answer.following
    raise DriverError(
        FailureKind.WRONG_ANSWER, f"{unit.where}: promises more identification without an end"
    )


async def _text(
    at: RegisterReference | None, objects: dict[int, str], unit: Unit, epoch: Epoch
) -> str | None:
    if at is None:
        return None
    if at.table is Table.IDENTIFICATION:
        return objects.get(at.address)
    if at.model is not None:
        return None  # the device has no such SunSpec model
    try:
        data = await unit.read(at.table, at.address, at.width, epoch)
    except RefusedError as error:
        if error.code in NOT_THERE:
            return None
        raise
    return text_of(at, data, at.address)
