"""GOOSE with libiec61850 as the other end: its publisher before us, its subscriber behind us."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Iterator

import pytest
from goose_bench import GOOD, STATES, document, until
from private_network import private_network

from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_iec61850.goose.from_scl import publication_of, streams_of, subscription_of
from ortsnetz_iec61850.goose.interface import Interface
from ortsnetz_iec61850.goose.listening import Following, Listening
from ortsnetz_iec61850.goose.publisher import Publisher
from ortsnetz_iec61850.goose.stream import Stream
from ortsnetz_iec61850.library.loading import function

pytestmark = pytest.mark.interop

HANDLE, TEXT, NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32
DESTINATION = bytes.fromhex("010ccd010001")
TIME_MS = 1_795_000_000_250


class CommParameters(ctypes.Structure):
    """goose_publisher.h of libiec61850 1.6."""

    _fields_ = (
        ("vlan_priority", ctypes.c_uint8),
        ("vlan_id", ctypes.c_uint16),
        ("app_id", ctypes.c_uint16),
        ("destination", ctypes.c_uint8 * 6),
    )


new_list = function("LinkedList_create", HANDLE)
add = function("LinkedList_add", None, HANDLE, HANDLE)
new_boolean = function("MmsValue_newBoolean", HANDLE, ctypes.c_bool)
new_integer = function("MmsValue_newIntegerFromInt32", HANDLE, ctypes.c_int32)
new_bits = function("MmsValue_newBitString", HANDLE, ctypes.c_int)
set_bit = function("MmsValue_setBitStringBit", None, HANDLE, ctypes.c_int, ctypes.c_bool)
new_time = function("MmsValue_newUtcTimeByMsTime", HANDLE, ctypes.c_uint64)
new_structure = function("MmsValue_createEmptyStructure", HANDLE, ctypes.c_int)
set_element = function("MmsValue_setElement", None, HANDLE, ctypes.c_int, HANDLE)
element = function("MmsValue_getElement", HANDLE, HANDLE, ctypes.c_int)
bit = function("MmsValue_getBitStringBit", ctypes.c_bool, HANDLE, ctypes.c_int)
boolean = function("MmsValue_getBoolean", ctypes.c_bool, HANDLE)
integer = function("MmsValue_toInt32", ctypes.c_int32, HANDLE)
time_ms = function("MmsValue_getUtcTimeInMs", ctypes.c_uint64, HANDLE)

create_publisher = function(
    "GoosePublisher_createEx", HANDLE, ctypes.POINTER(CommParameters), TEXT, ctypes.c_bool
)
destroy_publisher = function("GoosePublisher_destroy", None, HANDLE)
publish = function("GoosePublisher_publish", ctypes.c_int, HANDLE, HANDLE)
increase_state = function("GoosePublisher_increaseStNum", ctypes.c_uint64, HANDLE)
set_block = function("GoosePublisher_setGoCbRef", None, HANDLE, TEXT)
set_data_set = function("GoosePublisher_setDataSetRef", None, HANDLE, TEXT)
set_id = function("GoosePublisher_setGoID", None, HANDLE, TEXT)
set_revision = function("GoosePublisher_setConfRev", None, HANDLE, NUMBER)
set_life = function("GoosePublisher_setTimeAllowedToLive", None, HANDLE, NUMBER)

create_receiver = function("GooseReceiver_create", HANDLE)
destroy_receiver = function("GooseReceiver_destroy", None, HANDLE)
set_interface = function("GooseReceiver_setInterfaceId", None, HANDLE, TEXT)
add_subscriber = function("GooseReceiver_addSubscriber", None, HANDLE, HANDLE)
start = function("GooseReceiver_startThreadless", HANDLE, HANDLE)
tick = function("GooseReceiver_tick", ctypes.c_bool, HANDLE)
create_subscriber = function("GooseSubscriber_create", HANDLE, TEXT, HANDLE)
set_app_id = function("GooseSubscriber_setAppId", None, HANDLE, ctypes.c_uint16)
state_number = function("GooseSubscriber_getStNum", NUMBER, HANDLE)
sequence_number = function("GooseSubscriber_getSqNum", NUMBER, HANDLE)
revision = function("GooseSubscriber_getConfRev", NUMBER, HANDLE)
life_ms = function("GooseSubscriber_getTimeAllowedToLive", NUMBER, HANDLE)
values_of = function("GooseSubscriber_getDataSetValues", HANDLE, HANDLE)
data_set_of = function("GooseSubscriber_getDataSet", TEXT, HANDLE)
id_of = function("GooseSubscriber_getGoId", TEXT, HANDLE)


@pytest.fixture
def cable() -> Iterator[tuple[str, str]]:
    with private_network() as ends:
        yield ends


def states(position: int, operations: int) -> object:
    """The bay's data set `States`, as libiec61850 has it."""
    found, pos, quality = new_list(), new_bits(2), new_bits(13)
    set_bit(pos, 0, bool(position & 2))
    set_bit(pos, 1, bool(position & 1))
    whole = new_structure(3)
    for place, part in enumerate((pos, quality, new_time(TIME_MS))):
        set_element(whole, place, part)
    invalid = new_bits(13)
    set_bit(invalid, 1, True)
    for member in (whole, new_boolean(False), invalid, new_integer(operations), new_integer(1)):
        add(found, member)
    return found


def test_what_its_publisher_sends_is_taken(cable: tuple[str, str]) -> None:
    expected = streams_of(document())[0]

    async def listen() -> None:
        stream = Stream(subscription_of(expected))
        listening = Listening(cable[0])
        listening.follow(Following(stream, lambda: None))
        listening.open()
        address = CommParameters(4, 10, 0x3001, (ctypes.c_uint8 * 6)(*DESTINATION))
        publisher = create_publisher(ctypes.byref(address), cable[1].encode(), True)
        set_block(publisher, STATES.encode())
        set_data_set(publisher, b"B1LD0/LLN0$States")
        set_id(publisher, b"B1/states")
        set_revision(publisher, 3)
        set_life(publisher, 300)
        try:
            for position, operations in ((2, 17), (1, -5)):
                increase_state(publisher)
                for _ in range(3):
                    assert publish(publisher, states(position, operations)) == 0
                await until(
                    lambda want=position: stream.held(0, 0).value == want, f"position {position}"
                )
                held = [stream.held(place, 0) for place in range(7)]
                assert [each.value for each in held[3:]] == [0.0, 2048.0, operations, 1.0]
                assert held[0].time_ns == pytest.approx(TIME_MS * 1_000_000, abs=1_000_000)
                assert (held[0].quality, held[3].quality) == (0, 1)
            await until(lambda: stream.why is not None, "lost after 300 ms")
            assert stream.why == "no message within the 300 ms that the last one allowed"
        finally:
            destroy_publisher(publisher)
            listening.close()
        counts = stream.counts
        assert (counts.taken, counts.new_states, counts.retransmissions) == (6, 2, 4)
        assert (counts.lost_messages, counts.lost_states, counts.misconfigured) == (0, 0, 0)
        assert listening.malformed == 0
        assert stream.last is not None
        assert stream.last.tag is not None
        assert stream.last.tag.vlan == 10

    asyncio.run(listen())


def test_its_subscriber_believes_what_we_publish(cable: tuple[str, str]) -> None:
    publication = publication_of(streams_of(document())[0])
    receiver = create_receiver()
    set_interface(receiver, cable[0].encode())
    subscriber = create_subscriber(STATES.encode(), None)
    set_app_id(subscriber, 0x3001)
    add_subscriber(receiver, subscriber)

    async def send() -> None:
        assert start(receiver), "it cannot open the interface"
        out = Interface(cable[1], ())
        publisher = Publisher(publication, out.send, out.address)
        try:
            for number in range(1, 4):
                values = {parse_reference(text): value for text, value in GOOD.items()}
                values[parse_reference("LD0/XCBR1.Pos.stVal[ST]")] = number
                values[parse_reference("LD0/XCBR1.OpCnt.stVal[ST]")] = -number
                publisher.update(values, TIME_MS * 1_000_000)
                publisher.repeat()
                await until(
                    lambda want=number + 1: tick(receiver) or state_number(subscriber) == want,
                    f"state {number + 1}",
                )
                await until(
                    lambda: tick(receiver) or sequence_number(subscriber) == 1, "its repetition"
                )
                _compare(subscriber, number)
        finally:
            out.close()
            destroy_receiver(receiver)

    asyncio.run(send())


def _compare(subscriber: object, number: int) -> None:
    said = values_of(subscriber)
    position, operations = element(element(said, 0), 0), element(said, 3)
    assert 2 * bit(position, 0) + bit(position, 1) == number
    assert integer(operations) == -number
    assert not boolean(element(said, 1))
    assert integer(element(said, 4)) == 1
    assert time_ms(element(element(said, 0), 2)) == pytest.approx(TIME_MS, abs=1)
    assert revision(subscriber) == 3
    assert life_ms(subscriber) == 100
    assert data_set_of(subscriber) == b"B1LD0/LLN0$States"
    assert id_of(subscriber) == b"B1/states"
