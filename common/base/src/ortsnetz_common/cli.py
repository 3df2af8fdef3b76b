"""The one command `ortsnetz`; its sub-commands come from the installed distributions."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points

import click

from ortsnetz_common.errors import OrtsnetzError

GROUP = "ortsnetz.commands"


class EntryPointGroup(click.Group):
    """Finds sub-commands by entry point and imports only the one that is called."""

    def _found(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=GROUP)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all installed sub-commands."""
        del ctx
        return sorted(self._found())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one sub-command; one that cannot be loaded says so instead of vanishing."""
        del ctx
        point = self._found().get(cmd_name)
        if point is None:
            return None
        try:
            loaded = point.load()
        except ImportError as error:
            reason = str(error)

            @click.command(cmd_name, short_help=f"unavailable: {reason}")
            def unavailable() -> None:
                raise OrtsnetzError(f"the command '{cmd_name}' cannot be loaded: {reason}")

            return unavailable
        if not isinstance(loaded, click.Command):
            raise OrtsnetzError(f"entry point '{point.value}' is not a command")
        return loaded


@click.group(cls=EntryPointGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ortsnetz-common", prog_name="ortsnetz")
def ortsnetz() -> None:
    """Ortsnetz: the stack of an active distribution grid, from the meter to the cockpit."""


def main() -> None:
    """Run the command line; user-facing errors end in one line and an exit code."""
    try:
        code = ortsnetz.main(standalone_mode=False)
        if isinstance(code, int) and code:  # so click hands over what `ctx.exit` was told
            sys.exit(code)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OrtsnetzError as error:
        click.echo(f"ortsnetz: {error}", err=True)
        sys.exit(error.exit_code)
