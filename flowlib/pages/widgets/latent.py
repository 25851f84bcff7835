"""The latent action: what the flow of the input does to the hidden state of a FERNN on a ring.

It computes nothing about networks. It is given what the law predicts and what the network did, and
packs both for `latent.js` to draw.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import traitlets

from .pack import ROUNDING, ArrayLike, array, numbers, pack, shaped, stack
from .page import PageWidget, chosen


class LatentWidget(PageWidget):
    """Hidden states of a still input, the action that the law predicts of them, and the truth.

    velocities: V, the network's velocity channels, integers
    still: (time, len(V), N), h_t[f](v, .) of the still input f; one hidden channel
    moving: {w: (time, len(V), N)}, h_t[psi(w).f](v, .) of the input that moves by w
    predicted: {w: (time, len(V), N)}, psi_t(w).h_t[f](v - w, .); what stands where v has no
        partner is not read
    partners: {w: [index of v - w in V, or None where it is not in V, for each v]}
    title: shown above; velocity (which is w) and time: what is shown first

    `time` and `velocity` can be set from Python and follow the reader's choice.
    """

    _esm = Path(__file__).parent / "latent.js"
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(0).tag(sync=True)
    velocity = traitlets.Int(0).tag(sync=True)
    _check = chosen("time", "velocity")

    def __init__(
        self,
        velocities,
        still: ArrayLike,
        moving: Mapping,
        predicted: Mapping,
        partners: Mapping,
        title="",
        velocity=None,
        time=None,
    ):
        channels = [int(v) for v in np.asarray(velocities).reshape(-1)]  # (n,) or (n, 1)
        speeds = sorted(int(w) for w in moving)
        if not channels or not speeds:
            raise ValueError("velocities or moving is empty: give at least one v and one w")
        rest = array(still)
        if rest.ndim != 3 or 0 in rest.shape:
            raise ValueError(f"still has shape {rest.shape}, expected (time, velocities, N)")
        steps, _, positions = rest.shape
        axes = {"time": steps, "velocities": len(channels), "N": positions}
        shaped("still", rest, axes)
        truth = stack("moving", moving, speeds, axes)
        law = stack("predicted", predicted, speeds, axes)
        pairs = [self._check_partners(partners.get(w), w, len(channels)) for w in speeds]
        alone = np.array([[p is None for p in row] for row in pairs])[:, None, :, None]
        law = np.where(alone, 0.0, law)
        differences = np.where(alone[..., 0], np.nan, np.abs(truth - law).max(-1))
        states = np.concatenate([rest[None], truth, law])
        data = {
            "velocities": channels,
            "speeds": speeds,
            "steps": steps,
            "positions": positions,
            "states": pack("states", states),
            "partners": pairs,
            "differences": numbers(differences),
            "rounding": float(ROUNDING * np.abs(states).max()),
        }
        faster = [w for w in speeds if w > 0] or speeds
        super().__init__(
            data=data,
            title=title,
            velocity=faster[0] if velocity is None else int(velocity),
            time=steps // 2 if time is None else int(time),
        )
        self.description = self._describe()

    @staticmethod
    def _check_partners(row, w, count) -> list:
        row = [] if row is None else [None if p is None else int(p) for p in row]
        if len(row) != count or any(p is not None and not 0 <= p < count for p in row):
            raise ValueError(
                f"partners[{w}] is {row}: expected {count} entries, one a channel, each the index of "
                f"a channel, 0 to {count - 1}, or None"
            )
        return row

    def _describe(self) -> str:
        """The text alternative: what is drawn, and what one would find in the end."""
        data = self.data
        known = [e for speed in data["differences"] for row in speed for e in row if e is not None]
        if not known:
            found = "No channel has a partner."
        elif max(known) <= data["rounding"]:
            found = "Wherever a channel has a partner, the two agree up to rounding."
        else:
            found = f"The largest difference of a channel that has a partner is {max(known):.2g}."
        return (
            "Interactive figure: the hidden state of a recurrent network for a still input, one row a "
            f"velocity channel v = {', '.join(map(str, data['velocities']))}; the action that the law "
            "predicts for an input that flows by w, rows moved on by w and each shifted along; and the "
            f"state that the network really has, under the predicted one. {found}"
        )

    def choices(self) -> dict:
        return {"time": range(self.data["steps"]), "velocity": self.data["speeds"]}

    def __repr__(self) -> str:
        V, w = self.data["velocities"], self.data["speeds"]
        size = f"time={self.data['steps']}, N={self.data['positions']}"
        return f"LatentWidget(V=[{V[0]}..{V[-1]}], speeds=[{w[0]}..{w[-1]}], {size})"
