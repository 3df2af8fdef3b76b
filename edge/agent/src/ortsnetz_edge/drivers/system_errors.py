"""What the operating system says of a connection that was not made, for people."""

from __future__ import annotations

import os


def system_words(error: OSError) -> str:
    """The system's own words: asyncio puts addresses in their place, resolvers have none.

    The numbers of resolvers (`EAI_NONAME`) are negative and no numbers of the system.
    """
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
