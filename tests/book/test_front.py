"""The moving picture of the front page shows what the networks do."""

import runpy

from conftest import ROOT


def test_front_picture_is_what_the_networks_do():
    front = runpy.run_path(str(ROOT / "book" / "front.py"))
    assert front["FILE"].read_text(encoding="utf8") == front["picture"](), (
        "run: python book/front.py"
    )
