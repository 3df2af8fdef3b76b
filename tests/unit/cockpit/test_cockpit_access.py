"""Who gets in, and what each role may do: every pair that is not listed is refused."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Mount, Route

from ortsnetz_cockpit.core.access import passwords
from ortsnetz_cockpit.core.access.accounts import Accounts, WrongPasswordError
from ortsnetz_cockpit.core.access.passwords import _COST, hash_password, matches
from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.access.throttle import MAX_KEYS, Throttle

OWN_PASSWORD = "correct horse battery"
SESSION = "/api/v1/session"
OPEN = {
    ("POST", "/api/v1/session"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/api/v1/openapi.json"),
}
NODE = "/api/v1/nodes/{node}"
LEAST_ROLE = {
    ("GET", "/api/v1/session"): Role.VIEWER,
    ("DELETE", "/api/v1/session"): Role.VIEWER,
    ("GET", "/api/v1/nodes"): Role.VIEWER,
    ("GET", f"{NODE}/network"): Role.VIEWER,
    ("GET", f"{NODE}/points"): Role.VIEWER,
    ("GET", f"{NODE}/live"): Role.VIEWER,
    ("GET", f"{NODE}/series"): Role.VIEWER,
    ("GET", f"{NODE}/setpoints"): Role.VIEWER,
    ("GET", f"{NODE}/adjustments"): Role.VIEWER,
    ("GET", f"{NODE}/decisions"): Role.VIEWER,
    ("GET", f"{NODE}/interventions"): Role.VIEWER,
    ("GET", f"{NODE}/watermark"): Role.VIEWER,
    ("GET", f"{NODE}/committed"): Role.VIEWER,
    ("GET", f"{NODE}/audit-counter"): Role.VIEWER,
    ("GET", f"{NODE}/orders"): Role.VIEWER,
    ("POST", f"{NODE}/orders"): Role.OPERATOR,
    ("GET", f"{NODE}/orders/{{order}}"): Role.VIEWER,
    ("DELETE", f"{NODE}/orders/{{order}}"): Role.OPERATOR,
    ("POST", f"{NODE}/tso-requests"): Role.OPERATOR,
    ("GET", "/api/v1/alarms"): Role.VIEWER,
    ("POST", "/api/v1/alarms/{number}/acknowledge"): Role.OPERATOR,
    ("GET", "/api/v1/audit"): Role.ADMIN,
    ("GET", "/api/v1/tso/interfaces"): Role.VIEWER,
    ("GET", "/api/v1/tso/interfaces/{name}/aggregates"): Role.VIEWER,
}


def walk(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Every (method, path) the application answers, wherever it was added."""
    for route in routes:
        nested = getattr(route, "original_router", None) or getattr(route, "router", None)
        if isinstance(route, Route):
            for method in route.methods or ():
                if method != "HEAD":
                    yield method, route.path
        elif nested is not None:
            yield from walk(nested.routes)


@pytest.fixture
def application(bench: Any) -> FastAPI:
    from ortsnetz_cockpit.apps.tso_exchange.routes import make_router
    from ortsnetz_cockpit.core.api.application import create_application
    from ortsnetz_cockpit.core.api.guard import VIEWER

    router = make_router({}, lambda _interface, _starts: [], lambda _interface, _start: 1, VIEWER)
    return create_application(bench.cockpit.context, [router], page=bench.page)


def known_pairs(application: FastAPI) -> set[tuple[str, str]]:
    """Routes as the router has them and as the OpenAPI document has them."""
    documented = {
        (method.upper(), path)
        for path, operations in application.openapi()["paths"].items()
        for method in operations
    }
    return documented | set(walk(application.routes))


def call(client: TestClient, method: str, path: str, **headers: str) -> int:
    concrete = re.sub(r"\{[a-z]+\}", "1", path)
    return client.request(method, concrete, headers=headers).status_code


def test_the_matrix_lists_every_endpoint(application: FastAPI) -> None:
    assert known_pairs(application) == OPEN | set(LEAST_ROLE)
    mounts = [route.path for route in application.routes if isinstance(route, Mount)]
    assert mounts == [""], "only the page is mounted, at the root"


def test_without_session_everything_unlisted_is_refused(application: FastAPI) -> None:
    client = TestClient(application)
    for method, path in known_pairs(application) - OPEN:
        assert call(client, method, path) == 401, f"{method} {path}"
        forged = call(client, method, path, Authorization="Bearer guess")
        assert forged == 401, f"{method} {path}"


@pytest.mark.parametrize("role", Role, ids=lambda role: role.text)
def test_each_role_may_do_what_is_listed_and_nothing_more(
    bench: Any, application: FastAPI, role: Role
) -> None:
    bench.account("someone", role)
    client = TestClient(application)
    token = bench.token("someone")
    pairs = known_pairs(application) - OPEN
    log_out = ("DELETE", "/api/v1/session")
    for method, path in sorted(pairs, key=lambda pair: pair == log_out):  # it comes last
        status = call(client, method, path, Authorization=f"Bearer {token}")
        if role >= LEAST_ROLE[method, path]:
            assert status not in {401, 403}, f"{method} {path}"
        else:
            assert status == 403, f"{method} {path}"


def test_the_one_time_password_opens_nothing_but_the_change(bench: Any) -> None:
    accounts: Accounts = bench.cockpit.context.accounts
    first = accounts.ensure_operator("operator")
    second = accounts.ensure_operator("operator")
    assert first
    assert second
    assert first != second, "each start makes a new one until the operator has an own password"
    client = bench.client()

    def log_in(**body: str) -> Any:
        return client.post(SESSION, json={"user": "operator", **body})

    assert log_in(password=first).status_code == 401
    refused = log_in(password=second)
    assert refused.status_code == 403
    assert refused.json() == {"detail": "password_change_required"}
    assert "ortsnetz_session" not in client.cookies
    short = log_in(password=second, new_password="eleven char")
    assert short.status_code == 422
    assert second not in short.text
    opened = log_in(password=second, new_password="twelve chars")
    assert opened.status_code == 200
    assert opened.json()["role"] == "operator"
    assert log_in(password=second).status_code == 401
    assert log_in(password="twelve chars").status_code == 200
    assert accounts.ensure_operator("operator") is None


def test_the_cookie_is_for_the_page_only(bench: Any) -> None:
    bench.account("olga", Role.OPERATOR)
    client = bench.client()
    answer = client.post(SESSION, json={"user": "olga", "password": OWN_PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get(SESSION).json()["user"] == "olga"
    acknowledge = "/api/v1/alarms/1/acknowledge"
    assert client.post(acknowledge).status_code == 403, "a foreign page could have sent this"
    assert client.post(acknowledge, headers={"X-Requested-With": "ortsnetz"}).status_code == 404
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert bench.client().post(acknowledge, headers=bearer).status_code == 404
    assert client.delete(SESSION).status_code == 403
    assert client.delete(SESSION, headers={"X-Requested-With": "ortsnetz"}).status_code == 204
    assert bench.client().get(SESSION, headers=bearer).status_code == 401


def test_tokens_and_passwords_are_not_in_the_registry(bench: Any) -> None:
    bench.account("vera", Role.VIEWER)
    token = bench.token("vera")
    directory = bench.cockpit.configuration.data_dir
    stored = b"".join(path.read_bytes() for path in directory.glob("registry.sqlite*"))
    assert token.encode() not in stored
    assert OWN_PASSWORD.encode() not in stored
    assert (directory / "registry.sqlite").stat().st_mode & 0o077 == 0


def test_a_new_password_ends_all_sessions(bench: Any) -> None:
    bench.account("vera", Role.VIEWER)
    accounts: Accounts = bench.cockpit.context.accounts
    token = bench.token("vera")
    assert accounts.session(token) is not None
    accounts.log_in("vera", OWN_PASSWORD, "another long password", "test")
    assert accounts.session(token) is None
    with pytest.raises(WrongPasswordError):
        accounts.log_in("vera", OWN_PASSWORD, None, "test")


def test_a_session_ends_by_itself(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.account("vera", Role.VIEWER)
    accounts: Accounts = bench.cockpit.context.accounts
    token = bench.token("vera")
    session = accounts.session(token)
    assert session is not None
    module = "ortsnetz_cockpit.core.access.accounts.now_ns"
    monkeypatch.setattr(module, lambda: session.expires_ns + 1)
    assert accounts.session(token) is None


def test_a_password_is_salted_and_costly_to_guess() -> None:
    assert _COST["n"] * _COST["r"] * 128 >= 32 * 1024 * 1024, "memory a guess takes, in bytes"
    stored = hash_password("pleaseletmein")
    assert matches("pleaseletmein", stored)
    assert not matches("pleaseletmeiN", stored)
    assert hash_password("pleaseletmein") != stored


class FakeClock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_guessing_gets_slower_and_the_rightful_user_elsewhere_is_not_locked_out() -> None:
    clock = FakeClock()
    throttle = Throttle(clock)
    for _ in range(5):
        assert throttle.wait_s("olga", "10.0.0.1") == 0
        throttle.failed("olga", "10.0.0.1")
    waits = []
    for _ in range(4):
        waits.append(throttle.wait_s("olga", "10.0.0.1"))
        throttle.failed("olga", "10.0.0.1")
    assert waits == [1, 2, 4, 8]
    assert throttle.wait_s("olga", "10.0.0.2") == 0
    clock.now += 3601
    assert throttle.wait_s("olga", "10.0.0.1") == 0


def test_one_address_cannot_try_many_names_and_memory_is_bounded() -> None:
    throttle = Throttle(FakeClock())
    for number in range(31):
        throttle.failed(f"user-{number}", "10.0.0.1")
    assert throttle.wait_s("fresh-name", "10.0.0.1") > 0
    for number in range(2 * MAX_KEYS):
        throttle.failed("olga", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle._failures) <= MAX_KEYS


def test_a_throttled_log_in_says_how_long_to_wait(bench: Any) -> None:
    client = bench.client()
    for _ in range(5):
        client.post(SESSION, json={"user": "nobody", "password": "x"})
    answer = client.post(SESSION, json={"user": "nobody", "password": "x"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_a_flood_of_log_ins_is_turned_away_instead_of_piling_up(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.account("vera", Role.VIEWER)
    body = {"user": "vera", "password": OWN_PASSWORD}
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "_IN_LINE", threading.BoundedSemaphore(1))
        with passwords._place_in_line():
            assert bench.client().post(SESSION, json=body).status_code == 503
        patch.setattr(passwords, "_AT_ONCE", threading.Semaphore(0))
        patch.setattr(passwords, "_LONGEST_WAIT_S", 0.01)
        assert bench.client().post(SESSION, json=body).status_code == 503
    assert bench.client().post(SESSION, json=body).status_code == 200


def test_too_large_a_request_is_refused(bench: Any) -> None:
    answer = bench.client().post(SESSION, content=b"x" * 70_000)
    assert answer.status_code == 413


def test_parallel_log_ins_leave_a_whole_audit_trail(bench: Any) -> None:
    from ortsnetz_cockpit.core.audit import chain

    bench.account("vera", Role.VIEWER)
    threads = [threading.Thread(target=bench.token, args=("vera",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    engine = bench.cockpit.context.engine
    assert chain.verify(engine) is None
    assert sum(entry.action == "log-in" for entry in chain.entries(engine, 100)) == 5


def test_answers_carry_the_security_headers(
    bench: Any, eventually: Callable[[Callable[[], object]], None]
) -> None:
    client = bench.client()
    page = client.get("/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert client.get("/api/v1/session").headers["cache-control"] == "no-store"
    assert "immutable" in client.get("/assets/page-1a2b.js").headers["cache-control"]
    assert client.get("/../pyproject.toml").status_code == 404
