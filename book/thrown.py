"""The trained networks of the front page: python book/thrown.py writes them (minutes on one core).

They are two rows of the table `translating-mnist` of chapter 14, trained anew from its seed: digits
that move by at most two pixels a frame. The file holds their weights, and the row of each.
"""

import json

from flowlib.lab.run import run
from flowlib.pages.widgets.throw import FILE
from flowlib.pages.widgets.weights import to_dict

TABLE, PRESET, SEED = "translating-mnist", "laptop", 0
NAMES = {"g-rnn": "G-RNN", "fernn-v2": "FERNN"}
TOLD = "experiment model preset seed data settings updates seconds command".split()


def trained(name: str) -> dict:
    """A network and what made it."""
    result = run(TABLE, name, PRESET, SEED)
    told = {key: result.row[key] for key in TOLD}
    errors = {key: result.row["metrics"][key] for key in ("test_mse", "still_mse", "skill")}
    return {**to_dict(result.model), "row": {**told, **errors}}


if __name__ == "__main__":
    networks = {title: trained(name) for name, title in NAMES.items()}
    FILE.write_text(json.dumps(networks, indent=1) + "\n", encoding="utf8")
    print("written:", FILE.name)
