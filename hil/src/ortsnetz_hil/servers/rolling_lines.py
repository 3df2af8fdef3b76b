"""A bounded log of JSON lines: when it is full, its older half is dropped and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError

Line = TypeVar("Line", bound=Struct)


class RollingLines(Generic[Line]):
    """Collects lines and appends them at each flush.

    Attributes:
        dropped: lines that were dropped.
    """

    def __init__(self, directory: Path, stem: str, kept: int) -> None:
        """Go on with what is there; a log in which nothing happens is there too.

        Args:
            directory: where the files are: `STEM.jsonl`, and `STEM.older.jsonl` before it.
            stem: name of the log.
            kept: lines of a file; more than so many are not kept between two flushes either.
        """
        self._path, self._older_path = paths(directory, stem)
        self._kept = kept
        self._path.touch()
        self._lines, self._older = len(_complete(self._path)), len(_complete(self._older_path))
        self._pending: list[Line] = []
        self.dropped = 0

    def append(self, line: Line) -> None:
        """Keep a line until the next flush."""
        if len(self._pending) >= self._kept:
            self.dropped += 1
            return
        self._pending.append(line)

    def flush(self) -> None:
        """Append what has come since the last flush."""
        if not self._pending:
            return
        if self._lines >= self._kept:
            self._path.replace(self._older_path)
            self.dropped += self._older
            self._older, self._lines = self._lines, 0
        with self._path.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in self._pending))
        self._lines += len(self._pending)
        self._pending.clear()


def paths(directory: Path, stem: str) -> tuple[Path, Path]:
    """The present file of a log and the older one."""
    return directory / f"{stem}.jsonl", directory / f"{stem}.older.jsonl"


def read(directory: Path, stem: str, kind: type[Line]) -> list[Line]:
    """All lines that a log still has, in order; an unfinished last line is left out.

    Raises:
        InputError: a line is damaged; names the file and the line.
    """
    found: list[Line] = []
    decoder = msgspec.json.Decoder(kind)
    for path in reversed(paths(directory, stem)):
        for number, line in enumerate(_complete(path), start=1):
            try:
                found.append(decoder.decode(line))
            except msgspec.MsgspecError as error:
                raise InputError(f"{path}, line {number}: damaged: {error}") from error
    return found


def _complete(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []
