"""Who may call an endpoint: session, role, and the header that keeps foreign pages out."""

from __future__ import annotations

from fastapi import HTTPException
from fastapi.requests import HTTPConnection, Request

from ortsnetz_cockpit.core.access.accounts import Session
from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.api.context import context_of

COOKIE = "ortsnetz_session"
CSRF_HEADER = "x-requested-with"
CSRF_VALUE = "ortsnetz"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def bearer(connection: HTTPConnection) -> str | None:
    """Token of the `Authorization` header."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class Requires:
    """Dependency: a session whose role is at least the one given."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request) -> Session:
        """The session of the request.

        Raises:
            HTTPException: 401 without session, 403 without the role or the CSRF header.
        """
        token = bearer(request)
        by_cookie = token is None
        token = request.cookies.get(COOKIE) if token is None else token
        session = context_of(request).accounts.session(token) if token else None
        if session is None:
            raise HTTPException(401, "log in first")
        changes = request.method not in _SAFE_METHODS
        # a foreign page can make a browser send the cookie, but not this header
        if by_cookie and changes and request.headers.get(CSRF_HEADER) != CSRF_VALUE:
            raise HTTPException(403, "the header X-Requested-With: ortsnetz is missing")
        if session.role < self.role:
            raise HTTPException(403, f"the role {self.role.text} is needed")
        return session


VIEWER = Requires(Role.VIEWER)
OPERATOR = Requires(Role.OPERATOR)
ADMIN = Requires(Role.ADMIN)
