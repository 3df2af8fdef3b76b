"""A bad connection, played with real sockets: what comes through, when, and what is reset."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from ortsnetz_hil.faults import lane, wire
from ortsnetz_hil.faults.specs import Wire
from ortsnetz_hil.faults.wire import WireProxy

HOST = "127.0.0.1"
DEADLINE_S = 10.0
SHORT_S = 0.05
FIRST_S, LAST_S = 10.0, 20.0

pytestmark = pytest.mark.interop


@dataclass
class Peer:
    """The server behind the proxy: keeps what it hears, answers each message with an echo."""

    heard: bytearray = field(default_factory=bytearray)
    connections: int = 0
    ended: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    silent: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.news.set()
        try:
            while data := await reader.read(65_536):
                self.heard += data
                self.news.set()
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            self.ended += 1
            self.news.set()
            writer.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.news.clear()
                await self.news.wait()


@dataclass
class Link:
    """A proxy between a client and a peer; plant time is what the test says."""

    peer: Peer
    proxy: WireProxy
    now_s: float = 0.0

    async def client(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.proxy.port)


@contextlib.asynccontextmanager
async def _link(*faults: Wire) -> AsyncIterator[Link]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, HOST, 0)
    address = (HOST, server.sockets[0].getsockname()[1])
    link = Link(peer, proxy=None)  # type: ignore[arg-type]
    link.proxy = WireProxy((HOST, 0), address, faults, lambda: link.now_s, seed=3, name="test")
    await link.proxy.start()
    try:
        yield link
    finally:
        await link.proxy.stop()
        server.close()


def _run(story: Callable[[], Awaitable[None]]) -> None:
    async def with_deadline() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story()
        ours = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        left = [t for t in ours if "_dial" in repr(t)]
        assert not left, "the proxy has left tasks behind"

    asyncio.run(with_deadline())


def _wire(**what: object) -> Wire:
    return Wire(name="bad", first_s=FIRST_S, last_s=LAST_S, link="test", **what)  # type: ignore[arg-type]


async def _say(link: Link, words: bytes) -> bytes:
    """What a new client hears after it has said something."""
    reader, writer = await link.client()
    writer.write(words)
    return await reader.readexactly(len(words))


async def _carried(link: Link, chunks: int) -> None:
    """Wait until the proxy has taken so many chunks, whatever became of them."""
    async with asyncio.timeout(DEADLINE_S):
        while link.proxy.counts.chunks < chunks:  # noqa: ASYNC110 - the proxy tells nobody
            await asyncio.sleep(0)


async def _gone(link: Link) -> None:
    """Wait until the proxy has let go of all connections."""
    async with asyncio.timeout(DEADLINE_S):
        while link.proxy.open_connections:  # noqa: ASYNC110 - the proxy tells nobody
            await asyncio.sleep(0)


async def _nothing(reader: asyncio.StreamReader) -> bool:
    """Whether nothing comes for a moment, and nobody hangs up."""
    try:
        async with asyncio.timeout(SHORT_S):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


def test_without_a_fault_bytes_pass_as_they_are_in_both_directions() -> None:
    payload = bytes(range(256)) * 4096

    async def story() -> None:
        async with _link(_wire(loss=1.0)) as link:
            reader, writer = await link.client()
            writer.write(payload)
            assert await reader.readexactly(len(payload)) == payload
            writer.close()
            await link.peer.until(lambda: link.peer.ended == 1)
            assert bytes(link.peer.heard) == payload
            counts = link.proxy.counts
            assert counts.bytes == 2 * len(payload)
            assert (counts.connections, counts.dropped, counts.resets) == (1, 0, 0)

    _run(story)


def test_a_client_that_has_said_all_still_hears_the_answer() -> None:
    async def story() -> None:
        async with _link() as link:
            reader, writer = await link.client()
            writer.write(b"the last words")
            writer.write_eof()
            assert await reader.read() == b"the last words"

    _run(story)


def test_a_lossy_line_loses_the_stated_share_of_chunks_while_the_fault_holds() -> None:
    async def story() -> None:
        async with _link(_wire(loss=0.3)) as link:
            link.peer.silent = True
            _, writer = await link.client()
            link.now_s = 15.0
            for number in range(400):
                writer.write(b"x" * 12)
                await _carried(link, number + 1)
            counts = link.proxy.counts
            # binomial: 400 draws of 0.3, standard deviation 9
            assert 120 - 4 * 9.2 < counts.dropped < 120 + 4 * 9.2
            rest = 12 * (400 - counts.dropped)
            await link.peer.until(lambda: len(link.peer.heard) == rest)
            link.now_s = LAST_S
            writer.write(b"after")
            await link.peer.until(lambda: link.peer.heard.endswith(b"after"))

    _run(story)


def test_a_slow_line_delays_in_each_direction_and_keeps_the_order() -> None:
    async def story() -> None:
        async with _link(_wire(delay_s=0.1, jitter_s=0.05)) as link:
            reader, writer = await link.client()
            loop = asyncio.get_running_loop()
            link.now_s = 15.0
            began = loop.time()
            for number in range(20):
                writer.write(bytes([number]) * 100)
                await asyncio.sleep(0)
            answer = await reader.readexactly(2000)
            took_s = loop.time() - began
            assert answer == b"".join(bytes([number]) * 100 for number in range(20))
            assert took_s >= 0.2  # 0.1 to 0.15 s each way; a busy machine may take longer

    _run(story)


def test_what_is_under_way_when_a_delay_ends_is_not_overtaken() -> None:
    async def story() -> None:
        async with _link(_wire(delay_s=0.2)) as link:
            link.peer.silent = True
            _, writer = await link.client()
            link.now_s = 15.0
            writer.write(b"first,")
            await _carried(link, 1)
            link.now_s = LAST_S
            writer.write(b"second")
            await link.peer.until(lambda: bytes(link.peer.heard) == b"first,second")

    _run(story)


def test_a_narrow_line_carries_its_bytes_a_second() -> None:
    async def story() -> None:
        async with _link(_wire(bytes_per_s=50_000.0)) as link:
            link.peer.silent = True
            _, writer = await link.client()
            loop = asyncio.get_running_loop()
            link.now_s = 15.0
            began = loop.time()
            writer.write(b"x" * 20_000)
            await link.peer.until(lambda: len(link.peer.heard) == 20_000)
            assert 0.4 * 0.97 <= loop.time() - began < 2.0  # 20 kB at 50 kB/s

    _run(story)


def test_a_narrow_line_holds_its_sender_back_instead_of_hoarding() -> None:
    async def story() -> None:
        async with _link(_wire(bytes_per_s=1000.0)) as link:
            link.peer.silent = True
            _, writer = await link.client()
            link.now_s = 15.0
            writer.write(b"x" * 50_000_000)
            # the sender's own buffer stays full: the proxy has stopped reading
            before = -1
            while before != link.proxy.counts.bytes:
                before = link.proxy.counts.bytes
                await asyncio.sleep(SHORT_S)
            assert 0 < link.proxy.counts.bytes < 2_000_000

    _run(story)


def test_a_peer_that_takes_nothing_holds_its_sender_back() -> None:
    async def story() -> None:
        async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await asyncio.sleep(DEADLINE_S)

        server = await asyncio.start_server(deaf, HOST, 0, limit=1024)
        address = (HOST, server.sockets[0].getsockname()[1])
        proxy = WireProxy((HOST, 0), address, (), lambda: 0.0, seed=1)
        await proxy.start()
        _, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(b"x" * 50_000_000)
        before = -1
        while before != proxy.counts.bytes:
            before = proxy.counts.bytes
            await asyncio.sleep(SHORT_S)
        assert proxy.counts.bytes < 20_000_000  # what both kernels' buffers hold
        await proxy.stop()
        server.close()

    _run(story)


def test_a_peer_that_takes_nothing_for_too_long_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "STALLED_S", SHORT_S)

    async def story() -> None:
        async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await asyncio.sleep(DEADLINE_S)

        server = await asyncio.start_server(deaf, HOST, 0, limit=1024)
        address = (HOST, server.sockets[0].getsockname()[1])
        proxy = WireProxy((HOST, 0), address, (), lambda: 0.0, seed=1)
        await proxy.start()
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(b"x" * 50_000_000)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert proxy.counts.overdue == 1
        await proxy.stop()
        server.close()

    _run(story)


def test_a_proxy_takes_no_more_connections_than_it_can_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "MOST_CONNECTIONS", 3)

    async def story() -> None:
        async with _link() as link:
            kept = [await link.client() for _ in range(3)]
            await link.peer.until(lambda: link.peer.connections == 3)
            with pytest.raises(ConnectionResetError):
                await _say(link, b"one too many")
            assert link.proxy.counts.refused == 1
            for _, writer in kept:
                writer.close()
            await link.peer.until(lambda: link.peer.ended == 3)
            await _gone(link)
            assert await _say(link, b"free again") == b"free again"

    _run(story)


def test_a_half_open_connection_hears_nothing_and_stays_dead_while_new_ones_work() -> None:
    async def story() -> None:
        async with _link(_wire(half_open=True)) as link:
            reader, writer = await link.client()
            writer.write(b"before")
            assert await reader.readexactly(6) == b"before"
            link.now_s = 15.0
            writer.write(b"into nothing")
            assert await _nothing(reader)
            inside, spoken = await link.client()  # the gateway still takes connections
            spoken.write(b"hello?")
            assert await _nothing(inside)
            link.now_s = LAST_S
            writer.write(b"still nothing")
            assert await _nothing(reader)
            assert await _nothing(inside)
            other_reader, other = await link.client()
            other.write(b"new")
            assert await other_reader.readexactly(3) == b"new"
            assert bytes(link.peer.heard) == b"beforenew"
            assert link.peer.ended == 0  # nobody was told
            writer.close()

    _run(story)


def test_a_connection_that_was_idle_while_half_open_is_forgotten_too() -> None:
    async def story() -> None:
        async with _link(_wire(half_open=True)) as link:
            reader, writer = await link.client()
            await link.peer.until(lambda: link.peer.connections == 1)
            link.now_s = 15.0
            link.proxy.tick()
            link.now_s = LAST_S
            link.proxy.tick()
            writer.write(b"anybody?")
            assert await _nothing(reader)
            assert not link.peer.heard

    _run(story)


def test_a_goodbye_over_a_half_open_connection_is_not_heard() -> None:
    async def story() -> None:
        async with _link(_wire(half_open=True)) as link:
            _, writer = await link.client()
            await link.peer.until(lambda: link.peer.connections == 1)
            link.now_s = 15.0
            link.proxy.tick()
            writer.close()
            await asyncio.sleep(SHORT_S)
            assert link.peer.ended == 0

    _run(story)


def test_connections_are_reset_at_the_beginning_and_whenever_one_is_made() -> None:
    async def story() -> None:
        async with _link(_wire(reset=True)) as link:
            reader, _ = await link.client()
            await link.peer.until(lambda: link.peer.connections == 1)
            link.now_s = FIRST_S
            link.proxy.tick()
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            await link.peer.until(lambda: link.peer.ended == 1)
            with pytest.raises(ConnectionResetError):
                await _say(link, b"x")
            assert link.proxy.counts.resets == 2
            assert link.peer.connections == 1
            link.now_s = LAST_S
            assert await _say(link, b"well") == b"well"

    _run(story)


def test_a_corrupted_chunk_has_exactly_one_wrong_byte() -> None:
    async def story() -> None:
        async with _link(_wire(corrupt=1.0)) as link:
            link.peer.silent = True
            _, writer = await link.client()
            link.now_s = 15.0
            writer.write(b"\x00" * 100)
            await link.peer.until(lambda: len(link.peer.heard) == 100)
            assert sum(byte != 0 for byte in link.peer.heard) == 1
            assert link.proxy.counts.corrupted == 1

    _run(story)


def test_a_doubled_chunk_comes_twice() -> None:
    async def story() -> None:
        async with _link(_wire(duplicate=1.0)) as link:
            link.peer.silent = True
            _, writer = await link.client()
            link.now_s = 15.0
            writer.write(b"again")
            await link.peer.until(lambda: bytes(link.peer.heard) == b"againagain")
            assert link.proxy.counts.duplicated == 1

    _run(story)


def test_a_client_is_reset_where_nobody_is_behind_the_proxy() -> None:
    async def story() -> None:
        async with _link() as link:
            nobody = await asyncio.start_server(link.peer.serve, HOST, 0)
            address = (HOST, nobody.sockets[0].getsockname()[1])
            nobody.close()
            proxy = WireProxy((HOST, 0), address, (), lambda: 0.0, seed=1)
            await proxy.start()
            reader, _ = await asyncio.open_connection(HOST, proxy.port)
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            assert proxy.counts.refused == 1
            await proxy.stop()

    _run(story)


def test_a_stopped_proxy_resets_its_clients_and_gives_its_port_back() -> None:
    async def story() -> None:
        async with _link(_wire(delay_s=30.0)) as link:
            reader, writer = await link.client()
            await link.peer.until(lambda: link.peer.connections == 1)
            link.now_s = 15.0
            writer.write(b"under way for long")
            await _carried(link, 1)
            port = link.proxy.port
            await link.proxy.stop()
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            await link.peer.until(lambda: link.peer.ended == 1)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, port)

    _run(story)


def test_a_reset_by_the_peer_reaches_the_client_as_a_reset() -> None:
    async def story() -> None:
        async def rude(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            import socket
            import struct

            end = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

        server = await asyncio.start_server(rude, HOST, 0)
        address = (HOST, server.sockets[0].getsockname()[1])
        proxy = WireProxy((HOST, 0), address, (), lambda: 0.0, seed=1)
        await proxy.start()
        reader, _ = await asyncio.open_connection(HOST, proxy.port)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await proxy.stop()
        server.close()

    _run(story)
