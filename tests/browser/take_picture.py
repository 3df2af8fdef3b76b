"""Takes the picture of the page that the README shows, from a running demo.

    python tests/browser/take_picture.py http://127.0.0.1:8440 ONE-TIME-PASSWORD page.png --after 45

Logs in as `operator` with the one-time password that the demo prints, waits, and saves the page.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from pathlib import Path

import chromium
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("address")
    parser.add_argument("password", help="one-time password of the account 'operator'")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--after", type=float, default=30, help="seconds to wait after the log-in")
    parser.add_argument("--select", help="element to select, such as device:ev-01 or node:12")
    parser.add_argument("--size", default="1920x1080")
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    with tempfile.TemporaryDirectory() as profile:
        driver = chromium.start(Path(profile), int(width), int(height))
        try:
            wait = WebDriverWait(driver, 20)
            driver.get(options.address)
            wait.until(lambda d: d.find_elements(By.ID, "password"))
            driver.find_element(By.ID, "password").send_keys(options.password)
            driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
            wait.until(lambda d: d.find_elements(By.ID, "new-password"))
            own = secrets.token_urlsafe(16)
            for field in ("new-password", "repeat-password"):
                driver.find_element(By.ID, field).send_keys(own)
            driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
            wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, '.page[data-live="true"]'))
            if options.select:
                driver.execute_script(
                    "document.querySelector(`[data-el='${arguments[0]}']`)"
                    ".dispatchEvent(new MouseEvent('click', {bubbles: true}))",
                    options.select,
                )
            time.sleep(options.after)
            driver.save_screenshot(str(options.picture))
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
