"""The page as an operator meets it: a real browser, a real cockpit, values from a real link."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from ortsnetz_common.link.messages import Adjusted, AlarmState, Decision, Samples
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.time import now_ns

if TYPE_CHECKING:
    from conftest import Station

pytestmark = pytest.mark.browser

NOMINAL_V = 400 / 3**0.5


class Page:
    """What a person sees and does on the page."""

    def __init__(self, driver: WebDriver, station: Station) -> None:
        from conftest import until

        self.driver = driver
        self.station = station
        self.until: Callable[..., Any] = until

    def open(self) -> Page:
        self.driver.get(self.station.cockpit.url)
        return self

    def open_logged_in(self) -> Page:
        """With the cookie of a session, as after a log-in."""
        self.driver.get(f"{self.station.cockpit.url}/healthz")
        cookie = {"name": "ortsnetz_session", "value": self.station.token, "path": "/"}
        self.driver.add_cookie(cookie)
        self.open()
        self.wait_until_live()
        return self

    def wait_until_live(self, timeout_s: float = 15.0) -> None:
        self.until(lambda: self.all('.page[data-live="true"]'), timeout_s, "a live page")

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        found: WebElement = self.until(
            lambda: next(iter(self.all(selector)), None), 10, f"'{selector}' on the page"
        )
        return found

    def text(self, test_id: str) -> str:
        return str(self.driver.execute_script(
            "return document.querySelector(`[data-testid='${arguments[0]}']`)?.textContent ?? ''",
            test_id,
        ))  # fmt: skip

    def number(self, test_id: str) -> float | None:
        found = re.search(r"-?\d+(\.\d+)?", self.text(test_id))
        return float(found.group()) if found else None

    def select(self, key: str) -> None:
        """Click an element of the drawing."""
        self.one(f"[data-el='{key}']")
        self.driver.execute_script(
            "document.querySelector(`[data-el='${arguments[0]}']`)"
            ".dispatchEvent(new MouseEvent('click', {bubbles: true}))",
            key,
        )

    def live(self) -> dict[str, Any]:
        found = self.station.cockpit.get("/nodes/ons-1/live", self.station.token)
        points: dict[str, Any] = found["points"]
        return points

    def pixels(self) -> Pixels:
        """Colours of a screenshot; the browser itself decodes the picture."""
        script = """
            const [picture, done] = arguments;
            const image = new Image();
            image.onload = () => {
              const canvas = new OffscreenCanvas(image.width, image.height);
              const context = canvas.getContext("2d");
              context.drawImage(image, 0, 0);
              const { data } = context.getImageData(0, 0, image.width, image.height);
              let brightest = 0, spread = 0, where = 0;
              for (let i = 0; i < data.length; i += 4) {
                const high = Math.max(data[i], data[i + 1], data[i + 2]);
                const low = Math.min(data[i], data[i + 1], data[i + 2]);
                if (high - low > spread) { spread = high - low; where = i / 4; }
                if (high > brightest) brightest = high;
              }
              const place = [where % image.width, Math.floor(where / image.width)];
              done([image.width, image.height, brightest, spread, place]);
            };
            image.src = "data:image/png;base64," + picture;
        """
        picture = self.driver.get_screenshot_as_base64()
        return Pixels(*self.driver.execute_async_script(script, picture))


@dataclass(frozen=True)
class Pixels:
    """A screenshot: its size, its brightest channel, the widest spread of channels and where."""

    width: int
    height: int
    brightest: int
    spread: int
    place: list[int]


@pytest.fixture
def page(chromium: WebDriver, station: Station) -> Page:
    from conftest import complaints

    chromium.get(f"{station.cockpit.url}/healthz")
    chromium.delete_all_cookies()
    complaints(chromium)
    return Page(chromium, station)


def test_shows_the_loadings_voltages_and_powers_that_the_api_has(page: Page) -> None:
    page.open_logged_in()

    def agrees() -> bool:
        points = page.live()
        volts = [
            point["value"] / NOMINAL_V
            for name, point in points.items()
            if name.startswith("node-") and not name.startswith("node-0/")
        ]
        charging = sum(
            point["value"] for name, point in points.items() if re.match(r"ev-\d+/MMXU1\.W", name)
        )
        expected = {
            "transformer-loading": (100 * points["branch-300/Loading"]["value"], 0.06),
            "highest-voltage": (max(volts), 0.0006),
            "lowest-voltage": (min(volts), 0.0006),
            "ev-power": (charging / 1000, 0.06),
        }
        shown = {test_id: page.number(test_id) for test_id in expected}
        return all(
            shown[i] is not None and abs(shown[i] - value) <= tolerance
            for i, (value, tolerance) in expected.items()
        )

    # Both change every second: they have to agree at one moment.
    page.until(agrees, 15, "agreement of page and API")


def test_draws_every_node_branch_and_device_once(page: Page) -> None:
    page.open_logged_in()
    network = page.station.cockpit.get("/nodes/ons-1/network", page.station.token)
    for kind, count in (
        ("node", len(network["nodes"])),
        ("branch", len(network["branches"])),
        ("device", len(network["devices"])),
    ):
        keys = [e.get_attribute("data-el") for e in page.all(f"[data-el^='{kind}:']")]
        assert len(keys) == len(set(keys)) == count


def test_normal_state_has_no_saturated_colour(page: Page) -> None:
    page.open_logged_in()
    page.until(lambda: page.text("alarm-count") == "none open", 10, "a page without alarms")
    pixels = page.pixels()
    assert (pixels.width, pixels.height) == (1920, 1080)
    assert pixels.brightest > 200, "an empty page"
    assert pixels.spread <= 40, f"a saturated colour in the normal state at {pixels.place}"


def test_measured_estimated_manual_and_stale_values_differ(page: Page) -> None:
    scene = page.station.agent.scene
    page.open_logged_in()
    available = next(i for i, p in enumerate(scene.points) if p.name == "pv-01/DGEN1.WAvl")
    looks = {}
    for origin, key in (("measured", "device:ev-01"), ("estimated", "node:2")):
        page.select(key)
        page.until(lambda o=origin: page.all(f".details .origin-{o}"), 10, f"an {origin} value")
        looks[origin] = _look(page, f".details .value.origin-of-{origin}")
    page.select("device:pv-01")
    try:
        scene.silent = frozenset({"pv-01"})
        page.until(lambda: page.all(".details .value.standing-stale"), 15, "a stale value")
        looks["stale"] = _look(page, ".details .value.standing-stale")
        assert re.search(r"measured[^,]*, stale, \d\d:\d\d:\d\d", page.text("details"))
        page.station.agent.say(
            Samples(Origin.MANUAL, (available,), (7000.0,), (0,), (now_ns(),), (0,))
        )
        page.until(lambda: page.all(".details .origin-manual"), 10, "a value by hand")
        looks["manual"] = _look(page, ".details .value.origin-of-manual")
        assert re.search(r"manual, good, \d\d:\d\d:\d\d", page.text("details"))
    finally:
        scene.silent = frozenset()
    assert len(set(looks.values())) == 4, looks


def test_a_device_that_does_not_answer_is_marked_and_not_guessed(page: Page) -> None:
    scene = page.station.agent.scene
    page.open_logged_in()
    try:
        scene.lost = frozenset({"ev-02"})
        page.until(lambda: page.all(".device.unknown.standing-invalid"), 10, "the mark")
        page.select("device:ev-02")
        assert "invalid (failure)" in page.text("details")
        assert "1 not known" in page.one(".figures").text
    finally:
        scene.lost = frozenset()
    page.until(lambda: not page.all(".drawing .device.unknown"), 10, "the device's return")


def _look(page: Page, selector: str) -> str:
    """How an element is drawn, for comparing."""
    return str(page.driver.execute_script(
        "const s = getComputedStyle(document.querySelector(arguments[0]));"
        "return [s.fontStyle, s.color, s.textDecorationLine, s.textDecorationStyle].join()",
        selector,
    ))  # fmt: skip


def test_an_alarm_comes_with_cause_consequence_action_and_is_acknowledged(page: Page) -> None:
    from scene import device_lost

    page.open_logged_in()
    page.station.agent.say(device_lost("ev-07", now_ns()))
    item = page.one(".alarm[data-key='device-lost/ev-07']")
    for words in (
        "ev-07 does not answer",
        "Its limit stays as it was",
        "Check the connection",
        "medium",
        "active, not acknowledged",
    ):
        assert words in item.text
    assert item.find_elements(By.CSS_SELECTOR, ".priority-2 path")
    item.find_element(By.CSS_SELECTOR, "button").click()
    page.until(
        lambda: "acknowledged by operator" in page.one(".alarm").text, 10, "the acknowledgement"
    )
    alarms = page.station.cockpit.get("/alarms?state=open", page.station.token)
    assert [a["state"] for a in alarms] == ["active_acknowledged"]
    page.station.agent.say(device_lost("ev-07", now_ns(), AlarmState.CLEARED))
    page.until(lambda: page.text("alarm-count") == "none open", 10, "the end of the alarm")


def test_overload_is_shown_by_colour_and_shape_and_text(page: Page) -> None:
    scene = page.station.agent.scene
    page.open_logged_in()
    try:
        scene.stress = 6.0
        page.until(lambda: "above the limit" in page.one(".figures").text, 10, "the overload")
        figure = page.one(".figure.violated")
        assert figure.find_elements(By.CSS_SELECTOR, ".violation-mark")
        assert page.all(".branch.grade-high .violation, .node.grade-low .violation")
        assert page.pixels().spread > 120
        number = figure.find_element(By.CSS_SELECTOR, ".number")
        red, green, blue = map(int, re.findall(r"\d+", number.value_of_css_property("color"))[:3])
        assert red > 200 > max(green, blue) + 50
    finally:
        scene.stress = 1.0
    page.until(lambda: not page.all(".figure.violated"), 10, "the end of the overload")


def test_a_device_is_one_click_away_and_tells_setpoint_and_reason(page: Page) -> None:
    page.open_logged_in()
    page.select("device:ev-01")
    details = page.text("details")
    for words in ("ev-01", "Rated", "11.0 kW", "Guaranteed", "4.2 kW", "Setpoint"):
        assert words in details
    row = page.one(".setpoints tr.chosen")
    assert "ev-01" in row.text
    page.until(lambda: "ev-01" in page.one(".trends").text, 10, "the device's trend")


def test_what_a_device_was_told_besides_its_limit_is_shown_with_its_reason(page: Page) -> None:
    told = (
        Adjusted("pv-01", "reactive_power", 1500.0, "voltage of 1.06 pu: Q(U)"),
        Adjusted("tap-1", "voltage", 1.015, "the middle of the voltages is 2 % too low"),
    )
    page.open_logged_in()
    page.station.agent.say(Decision(now_ns(), 1, "limited", (), told))
    page.until(lambda: page.all(".adjustments"), 10, "what was told besides limits")
    rows = [row.text for row in page.all(".adjustments tbody tr")]
    assert "pv-01 reactive power 1.5 kvar inductive voltage of 1.06 pu: Q(U)" in rows[0]
    assert "tap-1 voltage set point 1.015 pu the middle of the voltages" in rows[1]
    page.select("device:pv-01")
    page.until(lambda: "1.5 kvar inductive" in page.text("details"), 5, "the same in the details")


def test_the_drawing_is_used_with_the_keyboard(page: Page) -> None:
    page.open_logged_in()
    page.driver.execute_script("document.querySelector('.drawing').focus()")
    keys = ActionChains(page.driver)
    keys.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_RIGHT).perform()
    first = page.one(".details h3").text
    ActionChains(page.driver).send_keys(Keys.ARROW_LEFT).perform()
    page.until(lambda: page.one(".details h3").text != first, 5, "the step back")
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.until(lambda: not page.all(".details"), 5, "the end of the selection")


def test_values_that_stop_are_stale_although_the_connection_stands(page: Page) -> None:
    page.open_logged_in()
    try:
        page.station.agent.paused = True
        page.until(lambda: page.text("stale-banner"), 15, "the banner")
        assert re.search(r"No data since \d\d:\d\d:\d\d", page.text("stale-banner"))
        assert page.number("transformer-loading") is None
        assert page.one(".link").text.endswith("connected")
    finally:
        page.station.agent.paused = False
    page.wait_until_live()


def test_nothing_is_refused_or_fails_in_the_browser(page: Page) -> None:
    from conftest import complaints

    page.open_logged_in()
    page.select("node:44")
    page.until(lambda: page.all(".uplot canvas"), 10, "the trends")
    buttons = [b for b in page.all(".toggle button") if b.text == "geographic"]
    buttons[0].click()
    page.until(lambda: page.all(".north"), 5, "the map's north")
    assert complaints(page.driver) == []


def test_the_page_survives_the_cockpit_and_says_so(page: Page) -> None:
    cockpit = page.station.cockpit
    page.open_logged_in()
    cockpit.kill()
    try:
        page.until(lambda: page.text("stale-banner"), 10, "the banner")
        assert re.search(r"No data since \d\d:\d\d:\d\d", page.text("stale-banner"))
        for test_id in ("transformer-loading", "highest-voltage", "ev-power"):
            assert page.number(test_id) is None
        assert not page.all(".branch.grade-normal[data-el], .node.grade-normal[data-el]")
        assert not page.all(".setpoints .value.standing-good")
    finally:
        cockpit.start()
    page.wait_until_live(40)
    assert not page.text("stale-banner")
    assert page.number("transformer-loading") is not None
