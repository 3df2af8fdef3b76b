"""Roles: each may do what the lower ones may."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """Who may do what: viewers look, operators act, admins see the audit trail."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def text(self) -> str:
        """Name on the wire."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Role:
        """Role of a name.

        Raises:
            ValueError: there is no such role.
        """
        for role in cls:
            if role.text == text:
                return role
        raise ValueError(f"'{text}' is no role: viewer, operator or admin")
