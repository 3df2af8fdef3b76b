"""Accounts from the command line: whoever may write the registry's file may reset an account."""

from __future__ import annotations

from ortsnetz_cockpit.core.access.accounts import Accounts
from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.configuration import CockpitConfiguration
from ortsnetz_cockpit.core.registry.database import open_registry
from ortsnetz_common.errors import InputError


def reset(configuration: CockpitConfiguration, name: str, role: str) -> str:
    """Create or reset an account; returns its one-time password.

    Raises:
        InputError: the name cannot be one.
    """
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise InputError(f"'{name}' cannot be the name of an account: 1 to 64 characters")
    engine = open_registry(configuration.registry_file)
    try:
        return Accounts(engine).reset(name, Role.parse(role), "command line")
    finally:
        engine.dispose()
