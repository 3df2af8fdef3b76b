"""Files that a command writes: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ortsnetz_common.errors import InputError


def refuse_overwriting(outputs: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Refuse, before anything is computed, to write over an input or over another result.

    Raises:
        InputError: names the file.
    """
    taken = list(inputs)
    for place, output in enumerate(outputs):
        if any(_is_same(output, each) for each in taken):
            raise InputError(
                f"{output}: it is an input of this command and would be overwritten; name another "
                f"file for the result"
            )
        if any(_is_same(output, each) for each in outputs[:place]):
            raise InputError(f"{output}: it is named for two results; name another file for one")


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file, by links as well; neither needs to exist."""
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never a part.

    Raises:
        InputError: the file cannot be written; names it and the reason.
    """
    write_together({path: text})


def write_together(texts: Mapping[Path, str]) -> None:
    """Write several files: none takes its place before all are on the disk.

    Raises:
        InputError: a file cannot be written; names it and the reason.
    """
    written: dict[Path, Path] = {}
    path = Path()
    try:
        for path, text in texts.items():
            if path.is_dir():
                raise InputError(f"{path}: cannot be written: it is a directory")
            written[path] = _written(path, text)
        for path, temporary in written.items():
            temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def _written(path: Path, text: str) -> Path:
    """A temporary file beside `path` with the text, on the disk, with usual permissions."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
