"""An operator gives an order on the page, sees what becomes of it, and revokes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from ortsnetz_common.link.messages import OrderState
from ortsnetz_common.measurement.time import now_ns

if TYPE_CHECKING:
    from conftest import Station

pytestmark = pytest.mark.browser


def test_an_order_is_given_counted_down_answered_and_revoked(
    station: Station, chromium: WebDriver
) -> None:
    from conftest import until

    def all_of(selector: str) -> list[WebElement]:
        return chromium.find_elements(By.CSS_SELECTOR, selector)

    def shown() -> str:
        """The one order on the page, in one line; empty where there is none."""
        return " ".join(element.text.replace("\n", " ") for element in all_of(".order"))

    def orders() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = station.cockpit.get("/nodes/ons-1/orders", station.token)
        return found

    chromium.get(f"{station.cockpit.url}/healthz")
    chromium.add_cookie({"name": "ortsnetz_session", "value": station.token, "path": "/"})
    chromium.get(station.cockpit.url)
    until(lambda: all_of(".orders summary"), what="the page")
    until(lambda: "none" in all_of("[data-testid='order-count']")[0].text, what="no orders")

    all_of(".orders summary")[0].click()
    Select(all_of(".order-form select")[0]).select_by_visible_text("ev-03")
    assert "guaranteed floor" in all_of(".order-form .note")[0].text
    limit, minutes, reason = all_of(".order-form input")
    limit.send_keys("5")
    minutes.send_keys(Keys.CONTROL + "a")  # clearing by script is not noticed by the page
    minutes.send_keys("10")
    assert minutes.get_attribute("value") == "10"
    reason.send_keys("works at the cable")
    all_of(".order-form button")[0].click()

    until(lambda: "waiting for the node" in shown(), what="the order")
    assert "ev-03: at most 5.0 kW works at the cable operator · operator" in shown()
    assert re.search(r"ends in (9:5\d|10:0[01])", shown())
    [order] = orders()
    until(lambda: orders()[0]["sent"] > 0, what="the sending")
    station.agent.say(OrderState(order["id"], now_ns(), "in-force", "confirmed by ev-03"))
    until(lambda: "in force" in shown(), what="the node's answer")
    assert "confirmed by ev-03" in shown()

    all_of(".order button")[0].click()
    until(lambda: "being revoked by operator" in shown(), what="the revocation")
    station.agent.say(OrderState(order["id"], now_ns(), "revoked", "revoked by operator"))
    until(lambda: not all_of(".order"), what="the end of the order")
