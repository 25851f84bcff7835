"""The weights of a forecaster as text, the same for `flowlib` and for a page: JSON, float32 in base64.

`fernn.js` reads and writes it too. What it holds is what the page can compute: the paper's network on
a torus, a `Forecaster` of a `FERNN` with ReLU, without bias and without velocity mixing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from flowlib.cells import ElmanCell
from flowlib.convolution import GroupConvolution
from flowlib.models import Forecaster
from flowlib.recurrent import FERNN, GRNN
from flowlib.translations import Translations

FORMAT = "flowlib forecaster 1"
SIZES = ("in_channels", "hidden_channels", "kernel_size")


def to_dict(model: Forecaster) -> dict:
    """The network as plain data: its sizes, V, and the weights by their names in `state_dict`.

    Args:
        model: a `Forecaster` of a `FERNN` or a `GRNN` on a torus, with the defaults of both: ReLU, no
            bias, no mixing of velocities, kernels of size 3, one input channel.

    Raises:
        ValueError: another model; the text says what is in the way.

    Example:
        >>> rnn = fl.FERNN(fl.Translations((6, 6)), [(0, 0), (0, 1)], 1, 4)
        >>> data = to_dict(fl.Forecaster(rnn, decoder_layers=1))
        >>> data["velocities"], list(data["weights"])[:2]
        ([[0, 0], [0, 1]], ['rnn.input_conv.weight', 'rnn.cell.state_conv.weight'])
    """
    rnn = getattr(model, "rnn", None)
    wrong = _in_the_way(model, rnn)
    if wrong:
        raise ValueError(
            f"the model {wrong}: a page computes a Forecaster of a FERNN on a torus, with kernels of size 3, "
            "one input channel, ReLU, no bias and no mixing of velocities"
        )
    return {
        "format": FORMAT,
        "grid": list(rnn.group.grid),
        "velocities": rnn.velocities.tolist(),
        **{name: getattr(rnn, name) for name in SIZES},
        "decoder_layers": len(model.decoder) // 2,
        "weights": {name: _encode(p) for name, p in model.named_parameters()},
    }


def from_dict(data: dict) -> Forecaster:
    """The network that `to_dict` wrote down, or that a page saved.

    Raises:
        ValueError: not such data, or weights that do not fit its sizes.

    Example:
        >>> model = fl.Forecaster(fl.GRNN(fl.Translations((6, 6)), 1, 4), decoder_layers=1)
        >>> video = torch.rand(1, 3, 1, 6, 6)
        >>> torch.equal(from_dict(to_dict(model))(video, 2), model(video, 2))
        True
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"this is no {FORMAT!r}: it wants what `to_dict` gives, or a page saves")
    V, group = data["velocities"], Translations(tuple(data["grid"]))
    sizes = {name: data[name] for name in SIZES}
    still = not np.any(V) and len(V) == 1
    rnn = GRNN(group, **sizes) if still else FERNN(group, V, **sizes)
    model = Forecaster(rnn, data["decoder_layers"])
    wanted = dict(model.named_parameters())
    if data["weights"].keys() != wanted.keys():
        raise ValueError(f"the weights are {list(data['weights'])}: it wants {list(wanted)}")
    with torch.no_grad():
        for name, parameter in wanted.items():
            values = np.frombuffer(base64.b64decode(data["weights"][name]), "<f4")
            if values.size != parameter.numel():
                raise ValueError(
                    f"{name} has {values.size} numbers: {tuple(parameter.shape)} wants "
                    f"{parameter.numel()}"
                )
            parameter.copy_(torch.tensor(values).reshape(parameter.shape))
    return model


def save(models: Mapping[str, Forecaster], path: str | Path) -> None:
    """Write networks to a file that a page can load, {name: network}. Raises what `to_dict` does.

    Example:
        >>> import tempfile
        >>> model = fl.Forecaster(fl.GRNN(fl.Translations((6, 6)), 1, 4))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save({"mine": model}, f"{folder}/mine.json")
        ...     load(f"{folder}/mine.json")["mine"].rnn.hidden_channels
        4
    """
    data = {name: to_dict(model) for name, model in models.items()}
    Path(path).write_text(json.dumps(data) + "\n", encoding="utf-8")


def load(path: str | Path) -> dict[str, Forecaster]:
    """The networks of a file that `save` wrote, or a page, by name. Raises what `from_dict` does.

    Example: the trained networks of the front page.
        >>> list(load(Path(__file__).parent / "thrown.json"))
        ['G-RNN', 'FERNN']
    """
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    return {name: from_dict(network) for name, network in data.items()}


def _in_the_way(model, rnn) -> str | None:
    if type(model) is not Forecaster:
        return f"is a {type(model).__name__}"
    if type(rnn) not in (FERNN, GRNN):
        return f"has a {type(rnn).__name__}"
    if not isinstance(rnn.group, Translations) or rnn.group.ndim != 2:
        return f"has the group {rnn.group}"
    if type(rnn.cell) is not ElmanCell or rnn.cell.nonlinearity is not torch.relu:
        return "has another cell than the paper's"
    if rnn.mixing is not None or type(rnn.state_conv) is not GroupConvolution:
        return "mixes velocities"
    if rnn.input_conv.bias is not None:
        return "has a bias"
    if rnn.kernel_size != 3 or rnn.in_channels != 1:
        return f"has kernels of size {rnn.kernel_size} and {rnn.in_channels} input channels"
    return "is lifted" if rnn.lifted else None


def _encode(parameter: torch.Tensor) -> str:
    values = parameter.detach().cpu().numpy().astype("<f4")
    return base64.b64encode(values.tobytes()).decode("ascii")
