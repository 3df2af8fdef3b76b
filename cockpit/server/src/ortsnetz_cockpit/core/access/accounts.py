"""Accounts and sessions in the registry."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

from ortsnetz_cockpit.core.access.passwords import (
    PasswordHash,
    hash_password,
    matches,
    one_time_password,
)
from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.audit import chain
from ortsnetz_cockpit.core.registry.database import reading
from ortsnetz_cockpit.core.registry.tables import SESSIONS, USERS
from ortsnetz_common.measurement.time import NS_PER_S, now_ns

SESSION_NS = 12 * 3600 * NS_PER_S
MAX_SESSIONS_PER_USER = 20
# compared against where there is no such user, so that time does not tell whether there is one
_NOBODY = PasswordHash(b"0" * 16, b"0" * 32)


@dataclass(frozen=True, slots=True)
class Session:
    """An open session; the token itself is known to its holder only."""

    user: str
    role: Role
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened, with its token."""

    token: str
    session: Session


class WrongPasswordError(Exception):
    """User and password do not match."""


class PasswordChangeRequiredError(Exception):
    """The password was a one-time one: it opens nothing until an own password is set."""


class Accounts:
    """Users, their passwords and sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ensure_operator(self, name: str) -> str | None:
        """Create the first account, or renew its one-time password until its own is set.

        Returns:
            The one-time password to be shown once; None when the account has its own password.
        """
        with reading(self._engine) as connection:
            row = connection.execute(select(USERS).where(USERS.c.name == name)).first()
        if row is not None and not row.one_time:
            return None
        return self.reset(name, Role.OPERATOR if row is None else Role.parse(row.role), "cockpit")

    def reset(self, name: str, role: Role, actor: str) -> str:
        """Create an account or reset it: one-time password, all sessions ended."""
        password = one_time_password()
        stored = hash_password(password)
        values = {
            "role": role.text,
            "salt": stored.salt,
            "password_hash": stored.digest,
            "one_time": True,
        }
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(USERS).where(USERS.c.name == name).values(values)
            ).rowcount
            if not changed:
                connection.execute(insert(USERS).values(name=name, created_ns=now_ns(), **values))
            connection.execute(delete(SESSIONS).where(SESSIONS.c.user == name))
            action = "account reset" if changed else "account created"
            chain.append(connection, actor, action, name, f"role {role.text}, one-time password")
        return password

    def log_in(self, user: str, password: str, new_password: str | None, address: str) -> Opened:
        """Open a session; with `new_password` the password is changed on the way.

        Raises:
            WrongPasswordError: no such user, or not this password.
            PasswordChangeRequiredError: the password is a one-time one and no new one was given.
        """
        with reading(self._engine) as connection:
            row = connection.execute(select(USERS).where(USERS.c.name == user)).first()
        stored = PasswordHash(row.salt, row.password_hash) if row else _NOBODY
        if not matches(password, stored) or row is None:
            raise WrongPasswordError
        if row.one_time and new_password is None:
            raise PasswordChangeRequiredError
        fresh = None if new_password is None else hash_password(new_password)
        with self._engine.begin() as connection:
            if fresh is not None:
                self._change_password(connection, user, stored, fresh)
            opened = _open(connection, user, Role.parse(row.role))
            chain.append(connection, user, "log-in", user, f"from {address}")
        return opened

    def _change_password(
        self, connection: Connection, user: str, old: PasswordHash, new: PasswordHash
    ) -> None:
        changed = connection.execute(
            update(USERS)
            .where(USERS.c.name == user, USERS.c.password_hash == old.digest)
            .values(salt=new.salt, password_hash=new.digest, one_time=False)
        ).rowcount
        if not changed:  # somebody changed it in the meantime: this password is no longer the one
            raise WrongPasswordError
        connection.execute(delete(SESSIONS).where(SESSIONS.c.user == user))
        chain.append(connection, user, "password changed", user)

    def session(self, token: str) -> Session | None:
        """The session of a token, None when there is none or it has ended."""
        query = (
            select(SESSIONS.c.user, SESSIONS.c.expires_ns, USERS.c.role)
            .join(USERS, USERS.c.name == SESSIONS.c.user)
            .where(SESSIONS.c.token_hash == _digest(token), SESSIONS.c.expires_ns > now_ns())
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else Session(row.user, Role.parse(row.role), row.expires_ns)

    def log_out(self, token: str) -> None:
        """End the session of a token."""
        with self._engine.begin() as connection:
            ended = connection.execute(
                delete(SESSIONS)
                .where(SESSIONS.c.token_hash == _digest(token))
                .returning(SESSIONS.c.user)
            ).first()
            if ended is not None:
                chain.append(connection, ended.user, "log-out", ended.user)


def _digest(token: str) -> bytes:
    # a token is 256 random bits: a plain hash is enough to make a stolen table useless
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _open(connection: Connection, user: str, role: Role) -> Opened:
    token = secrets.token_urlsafe(32)
    now = now_ns()
    connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_ns <= now))
    kept = (
        select(SESSIONS.c.token_hash)
        .where(SESSIONS.c.user == user)
        .order_by(SESSIONS.c.created_ns.desc())
        .limit(MAX_SESSIONS_PER_USER - 1)
    )
    connection.execute(
        delete(SESSIONS).where(SESSIONS.c.user == user, SESSIONS.c.token_hash.not_in(kept))
    )
    expires = now + SESSION_NS
    connection.execute(
        insert(SESSIONS).values(
            token_hash=_digest(token), user=user, created_ns=now, expires_ns=expires
        )
    )
    return Opened(token, Session(user, role, expires))
