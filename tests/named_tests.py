"""Whether a test that a driver's assessment names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Names of the test functions of a file; of those in classes with their class."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for item in inner:
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(prefix + item.name)
    return frozenset(found)


def complaint(test: str) -> str | None:
    """Why a test that a driver names is none; None if it is one."""
    if test.startswith("make "):
        target = re.escape(test.removeprefix("make ").split()[0])
        known = re.search(rf"^{target}\s*:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        return None if known else f"'{test}': there is no such target"
    name, _, function = test.partition("::")
    path = ROOT / name
    if not (name.startswith("tests/") and path.is_file()):
        return f"'{test}': there is no such file"
    function = function.partition("[")[0]
    if not function.rpartition("::")[2].startswith("test_") or function not in functions_of(path):
        return f"'{test}': there is no such test in it"
    return None
