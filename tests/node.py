"""What a widget's module computes, in Node."""

import json
import shutil
import subprocess

import pytest

from flowlib.pages.widgets import page


def in_node(modules, expression: str, **given):
    """The value of an expression of what the modules and the kit define, and of what is given by name."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    text = page.KIT + "".join(map(page.read, modules))
    text += f"const {{{', '.join(given)}}} = {json.dumps(given)};\n"
    text += f"console.log(JSON.stringify({expression}));"
    command = ["node", "--input-type=module", "-"]
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)
