"""The report in headless Chromium: pictures load, nothing complains, pictures enlarge, tables sort.

Skipped where there is no Chromium with its driver, or no Selenium.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gramarye.studies.making import StudyRun
from tests.studies.conftest import make_study

webdriver = pytest.importorskip("selenium.webdriver")
A4 = 672  # CSS pixels between margins of 16 mm
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))


@pytest.fixture
def browser() -> Iterator[Any]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("there is no Chromium with its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    found = webdriver.Chrome(options=options, service=service)
    yield found
    found.quit()


def test_the_report_in_a_browser(
    browser: Any, open_study: Callable[..., StudyRun], tmp_path: Path
) -> None:
    run = open_study(make_study(), named="/a/long/path" * 20 + "/tiny.toml")
    for _ in run.steps():
        pass
    page = run.finish()[0]
    browser.set_network_conditions(offline=True, latency=0, throughput=0)
    browser.get(page.resolve().as_uri())
    loaded = "return [...document.querySelectorAll('main img')].map(i => [i.naturalWidth, i.alt])"
    images = browser.execute_script(loaded)
    assert len(images) >= 6
    assert all(width > 0 and text for width, text in images)

    # A picture opens large with the keyboard, and closes with Escape.
    button = browser.find_element("css selector", ".grid [data-large]")
    button.send_keys("\ue007")  # Enter
    is_open = "return document.getElementById('large').open"
    assert browser.execute_script(is_open)
    assert browser.execute_script("return document.querySelector('dialog img').naturalWidth") > 0
    browser.switch_to.active_element.send_keys("\ue00c")  # Escape
    assert not browser.execute_script(is_open)

    # The table sorts by a column, and back.
    head = browser.find_element("xpath", "//table[@class='numbers']//th[button='loss']")
    column = browser.execute_script("return arguments[0].cellIndex", head)
    values = (
        "return [...document.querySelectorAll('.numbers tbody tr')]"
        ".map(r => Number(r.cells[arguments[0]].dataset.value))"
    )
    for order in ("ascending", "descending"):
        head.find_element("css selector", "button").click()
        assert head.get_attribute("aria-sort") == order
        found = browser.execute_script(values, column)
        assert found == sorted(found, reverse=order == "descending")
    assert len(set(found)) == 2

    # It is readable in the dark: text and paper are far apart there, too.
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    colors = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    ink, paper = (
        sum(int(part) for part in text[4:-1].split(",")) for text in browser.execute_script(colors)
    )
    assert ink - paper > 450

    # On A4 nothing is cut off: the table's columns and the command fit between the margins.
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    size = {"width": A4, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    ends = (
        "return [...document.querySelectorAll('.numbers, .grid, pre')]"
        ".map(e => Math.max(e.getBoundingClientRect().right, e.offsetLeft + e.scrollWidth))"
    )
    assert max(browser.execute_script(ends)) <= A4 + 1
    assert browser.get_log("browser") == []
