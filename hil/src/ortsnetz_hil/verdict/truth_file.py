"""Truth on disk: part files, each complete once it has its name, a SIGKILL costs seconds."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ortsnetz_common.errors import InputError
from ortsnetz_hil.verdict.truth import Row

FOLDER = "truth"
ROWS_A_PART = 25
KEPT_PARTS = 4320  # six hours at five rows a second

_IDS = {"calendar_ns", "transformer", "line", "u_min_node", "u_max_node"}
_NODES = {"node_u_pu", "node_angle"}
_LISTS = _NODES | {
    "device_w",
    "device_var",
    "limit_w",
    "request_w",
    "line_loadings",
    "transformer_loadings",
    "tap",
}
_SCALARS = [f.name for f in fields(Row) if f.name not in _LISTS]


def _type(name: str) -> pa.DataType:
    if name in _LISTS:
        return pa.list_(pa.int16() if name == "tap" else pa.float32())
    return pa.int64() if name in _IDS else pa.float64()


SCHEMA = pa.schema([(f.name, _type(f.name)) for f in fields(Row)])
_WITHOUT_VOLTAGES = [name for name in SCHEMA.names if name not in _NODES]


class TruthWriter:
    """Collects rows and writes a part every few seconds.

    Attributes:
        dropped_parts: oldest parts that were removed to bound an endless run.
    """

    def __init__(self, plant_directory: Path, *, endless: bool = True) -> None:
        """Write into a plant directory.

        Args:
            plant_directory: of the plant.
            endless: whether the oldest parts are removed; a run of a stated length keeps all.
        """
        self._endless = endless
        self._folder = plant_directory / FOLDER
        self._folder.mkdir(exist_ok=True)
        self._rows: list[Row] = []
        self._next = 1 + max((_number(path) for path in parts(plant_directory)), default=0)
        self.dropped_parts = 0

    def append(self, row: Row) -> None:
        """Keep a row; writes a part when enough have come together."""
        self._rows.append(row)
        if len(self._rows) >= ROWS_A_PART:
            self.flush()

    def flush(self) -> None:
        """Write what is there."""
        if not self._rows:
            return
        path = self._folder / f"part-{self._next:08d}.parquet"
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(_table(self._rows), unfinished, compression="zstd")
        unfinished.rename(path)
        self._rows.clear()
        old = self._folder / f"part-{self._next - KEPT_PARTS:08d}.parquet"
        if self._endless and old.exists():
            old.unlink()
            self.dropped_parts += 1
        self._next += 1


def parts(plant_directory: Path) -> list[Path]:
    """Part files of a plant directory, oldest first."""
    return sorted((plant_directory / FOLDER).glob("part-*.parquet"))


def read(plant_directory: Path, *, voltages: bool = False) -> list[Row]:
    """All rows of a run in the order of time.

    Args:
        plant_directory: where the parts are.
        voltages: whether to read all node voltages too; else they are empty.

    Raises:
        InputError: there is no truth, or a part cannot be read; names it.
    """
    found = parts(plant_directory)
    if not found:
        raise InputError(f"{plant_directory / FOLDER}: the plant has written no truth yet")
    rows: list[Row] = []
    for path in found:
        try:
            table = pq.read_table(path, columns=SCHEMA.names if voltages else _WITHOUT_VOLTAGES)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: not a part of a plant's truth: {error}") from error
        rows += _rows(table)
    return rows


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("part-"))


def _table(rows: list[Row]) -> pa.Table:
    columns = []
    for field in SCHEMA:
        values = [getattr(row, field.name) for row in rows]
        columns.append(
            _lists(values, field.type) if field.name in _LISTS else pa.array(values, field.type)
        )
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _lists(values: list[Any], kind: pa.DataType) -> pa.Array:
    """A column of lists from flat values and ends: a list at a time takes ten times as long."""
    parts = [np.asarray(value).reshape(-1) for value in values]
    ends = np.cumsum([0, *(part.size for part in parts)]).astype(np.int32)
    flat = np.concatenate(parts).astype(kind.value_type.to_pandas_dtype())
    return pa.ListArray.from_arrays(ends, pa.array(flat), type=kind)


def _rows(table: pa.Table) -> list[Row]:
    scalars = {name: table.column(name).to_pylist() for name in _SCALARS}
    lists = {name: table.column(name) for name in _LISTS & set(table.column_names)}
    found = []
    for i in range(table.num_rows):
        values: dict[str, Any] = {name: column[i] for name, column in scalars.items()}
        values |= {
            name: np.asarray(column[i].values.to_numpy(zero_copy_only=False), float)
            for name, column in lists.items()
        }
        for name in _NODES:
            values[name] = values.get(name, np.empty(0)).reshape(-1, 3)
        found.append(Row(**values))
    return found
