"""A chapter in JupyterLab and in Notebook: it runs, its widget is drawn, and follows mouse and keys."""

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import ROOT, drawn
from playwright.sync_api import TimeoutError as TooLate

pytestmark = pytest.mark.browser

CHAPTER = ROOT / "chapters" / "07_the_grnn_fails.ipynb"


# Every cell stays in the page, so that the widget is found; no question lies over it.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A server that knows nothing of the user's settings: its address, and its folder."""
    folder, own = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("own")
    for plugin, settings in SETTINGS.items():
        file = own / f"CONFIG/lab/user-settings/@jupyterlab/{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    directories = {f"JUPYTER_{kind}_DIR": str(own / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "notebook", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    with (own / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=os.environ | directories, stdout=log, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert server.poll() is None, (own / "log").read_text()
            try:
                urllib.request.urlopen(f"{address}/api/status")
                break
            except OSError:
                time.sleep(0.5)
        yield address, folder
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("place", ["lab/tree", "notebooks"])
def test_a_widget_follows_mouse_and_keys(place, browser, jupyter):
    address, folder = jupyter
    name = place.split("/")[0] + ".ipynb"
    shutil.copy(CHAPTER, folder / name)
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(240_000)  # the machine may be busy
    page.goto(f"{address}/{place}/{name}")
    page.get_by_role("heading", name="The G-RNN fails").wait_for()
    ready = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    widget = page.locator(".flowlib-widget")
    slider = widget.locator("input[name=time]")
    for patience in (60_000, 90_000, 240_000):
        ready.wait_for()  # what is asked of a kernel that is not there yet may be forgotten
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with contextlib.suppress(TooLate):
            slider.wait_for(timeout=patience)
            break
    else:
        pytest.fail("the widget did not come")
    ready.wait_for()
    assert widget.locator("xpath=ancestor::*[contains(@class, 'flowlib-page')]").count() == 0

    slider.scroll_into_view_if_needed()
    seen = []
    for share in (0.1, 0.9):
        box = slider.bounding_box()
        page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        seen.append(drawn(widget))
    page.keyboard.press("ArrowLeft")  # the mouse has left the focus on the slider
    seen.append(drawn(widget))
    for (pictures, words), (later, later_words) in itertools.pairwise(seen):
        assert pictures != later and words != later_words
    page.close()
