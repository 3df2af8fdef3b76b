"""From the one-time password to a password of one's own, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

if TYPE_CHECKING:
    from conftest import Cockpit

pytestmark = pytest.mark.browser

OWN = "correct horse battery"


@pytest.fixture
def fresh(broker_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cockpit]:
    from conftest import Cockpit

    cockpit = Cockpit(tmp_path_factory.mktemp("fresh") / "run", broker_port)
    cockpit.start()
    yield cockpit
    cockpit.stop()


def test_one_time_password_opens_only_the_form_for_an_own_one(
    chromium: WebDriver, fresh: Cockpit
) -> None:
    from conftest import until

    def enter(**fields: str) -> None:
        for name, text in fields.items():
            field = chromium.find_element(By.ID, name.replace("_", "-"))
            field.clear()
            field.send_keys(text)
        chromium.find_element(By.CSS_SELECTOR, "button[type=submit]").click()

    def failure() -> str:
        return chromium.find_element(By.CSS_SELECTOR, ".failure").text

    def shown(identity: str) -> bool:
        return bool(chromium.find_elements(By.ID, identity))

    chromium.get(f"{fresh.url}/healthz")
    chromium.delete_all_cookies()
    chromium.get(fresh.url)
    until(lambda: shown("password"), what="the log-in form")
    assert fresh.one_time_password

    enter(user="operator", password="wrong")
    until(lambda: failure() == "User or password is wrong.", what="the refusal in words")

    enter(password=fresh.one_time_password)
    until(lambda: shown("new-password"), what="the form for an own password")
    assert not chromium.find_elements(By.CSS_SELECTOR, ".page")

    enter(new_password="short", repeat_password="short")
    until(lambda: "at least 12 characters" in failure(), what="the rule in words")
    enter(new_password=OWN, repeat_password=OWN + "x")
    until(lambda: "differ" in failure(), what="the difference in words")

    enter(new_password=OWN, repeat_password=OWN)
    until(lambda: chromium.find_elements(By.CSS_SELECTOR, ".header"), what="the page")
    # No agent has spoken to this cockpit: the page says so instead of showing an empty network.
    until(lambda: "has not told its network yet" in _body(chromium), what="the waiting")

    chromium.refresh()
    until(lambda: "operator" in _body(chromium), what="the page after a reload")
    next(b for b in chromium.find_elements(By.TAG_NAME, "button") if b.text == "Log out").click()
    until(lambda: "You have logged out." in _body(chromium), what="the log-out")
    enter(password=OWN)
    until(lambda: chromium.find_elements(By.CSS_SELECTOR, ".header"), what="the second log-in")


def _body(driver: WebDriver) -> str:
    return driver.find_element(By.TAG_NAME, "body").text
