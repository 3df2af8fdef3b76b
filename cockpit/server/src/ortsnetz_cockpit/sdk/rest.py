"""What the REST endpoints of all apps have in common."""

from __future__ import annotations

from ortsnetz_cockpit.core.api.instants import Span, query_span
from ortsnetz_cockpit.core.api.models import Message

__all__ = ["Message", "Span", "query_span"]
