"""The technician's tools as sub-commands that are loaded when they are called.

An agent that runs for years carries none of them: neither their memory nor their mistakes.
"""

from __future__ import annotations

from importlib import import_module

import click

_TOOLS = {
    "probe": "ortsnetz_edge.console.probing.command",
    "check": "ortsnetz_edge.console.checking.command",
    "interventions": "ortsnetz_edge.console.interventions.command",
    "scl": "ortsnetz_edge.console.scl.command",
    "goose": "ortsnetz_edge.console.goose.command",
}


class WithTools(click.Group):
    """A group that has the tools besides its own commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of its own commands and of the tools."""
        return sorted({*super().list_commands(ctx), *_TOOLS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of its own commands, or a tool."""
        if cmd_name not in _TOOLS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(_TOOLS[cmd_name]), cmd_name)
        return command
