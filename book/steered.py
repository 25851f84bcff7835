"""The trained network of the widget in chapter 25: python book/steered.py writes it (minutes on one core).

It is one row of the table `window-mnist`, trained anew from its seed. The file holds its weights, and the
row.
"""

import json

from flowlib.lab.run import run
from flowlib.models import Forecaster
from flowlib.pages.widgets.steer import FILE
from flowlib.pages.widgets.weights import to_dict

ROW = "window-mnist", "fernn", "laptop", 0
TOLD = "experiment model preset seed data settings updates seconds command".split()

if __name__ == "__main__":
    result = run(*ROW)
    model, row = result.model, result.row
    plain = Forecaster(model.rnn, len(model.decoder) // 2)
    plain.decoder.load_state_dict(model.decoder.state_dict())
    told = {key: row[key] for key in TOLD} | {
        key: row["metrics"][key] for key in ("test_mse", "still_mse", "known_mse", "skill")
    }
    network = {**to_dict(plain), "window": list(model.window), "row": told}
    FILE.write_text(json.dumps(network, indent=1) + "\n", encoding="utf8")
    print("written:", FILE.name)
