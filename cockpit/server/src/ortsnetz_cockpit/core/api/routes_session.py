"""Log-in and log-out."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.requests import Request

from ortsnetz_cockpit.core.access.accounts import (
    SESSION_NS,
    PasswordChangeRequiredError,
    Session,
    WrongPasswordError,
)
from ortsnetz_cockpit.core.access.passwords import BusyError
from ortsnetz_cockpit.core.api.context import context_of
from ortsnetz_cockpit.core.api.guard import COOKIE, VIEWER, bearer
from ortsnetz_cockpit.core.api.models import LogIn, NewSession, SessionInfo
from ortsnetz_cockpit.core.api.present import session_info
from ortsnetz_common.measurement.time import NS_PER_S

ROUTER = APIRouter(prefix="/api/v1/session", tags=["session"])


@ROUTER.post("")
def log_in(request: Request, response: Response, body: LogIn) -> NewSession:
    """Open a session; a one-time password opens one only together with `new_password`."""
    context = context_of(request)
    address = request.client.host if request.client else "unknown"
    wait_s = context.throttle.wait_s(body.user, address)
    if wait_s > 0:
        context.metrics.log_ins.labels("throttled").inc()
        seconds = math.ceil(wait_s)
        raise HTTPException(
            429, f"too many attempts: wait {seconds} s", headers={"Retry-After": str(seconds)}
        )
    try:
        opened = context.accounts.log_in(body.user, body.password, body.new_password, address)
    except WrongPasswordError:
        context.throttle.failed(body.user, address)
        context.metrics.log_ins.labels("wrong").inc()
        raise HTTPException(401, "user or password is wrong") from None
    except PasswordChangeRequiredError:
        raise HTTPException(403, "password_change_required") from None
    except BusyError:
        context.metrics.log_ins.labels("busy").inc()
        raise HTTPException(503, "too many log-ins at once: try again in a moment") from None
    context.throttle.succeeded(body.user, address)
    context.metrics.log_ins.labels("opened").inc()
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=SESSION_NS // NS_PER_S,
        httponly=True,
        samesite="strict",
        secure=context.secure_cookies,
        path="/",
    )
    return NewSession(token=opened.token, **session_info(opened.session).model_dump())


@ROUTER.get("")
def current(session: Annotated[Session, Depends(VIEWER)]) -> SessionInfo:
    """Who is logged in."""
    return session_info(session)


@ROUTER.delete("", status_code=204)
def log_out(
    request: Request, response: Response, _session: Annotated[Session, Depends(VIEWER)]
) -> None:
    """End the session."""
    token = bearer(request) or request.cookies.get(COOKIE)
    if token:
        context_of(request).accounts.log_out(token)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
