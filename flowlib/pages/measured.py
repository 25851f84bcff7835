"""Theorems as measurements: how far a numbered statement of the book was found from true.

`measured` shows the number where the chapter measures it, and fails the build when it is out of
bounds; the book's page of theorems collects what was shown.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import torch
from IPython.display import display
from torch import Tensor

from flowlib.laws import LawBroken


@dataclass(frozen=True)
class Measurement:
    """What `measured` found: how far a statement is from true, and what was allowed.

    Attributes:
        label: of the box.
        residual: the error.
        kind: "below", it may be at most the bound, or "above", at least.
        bound: the bound.
        note: what was measured.
    """

    label: str
    residual: float
    kind: str
    bound: float
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is on the right side of its bound; NaN is not."""
        if self.kind == "below":
            return self.residual <= self.bound
        return self.residual >= self.bound

    def __repr__(self) -> str:
        allowed = "at most" if self.kind == "below" else "at least"
        digits = ".0e" if 0 < self.residual < 1e-3 else ".2g"
        note = self.note + ", " if self.note else ""
        return f"{self.label}: {note}{self.residual:{digits}}, {allowed} {self.bound:g}"

    def _repr_html_(self) -> str:
        data = {"label": self.label, "residual": repr(float(self.residual)), "note": self.note}
        data |= {"kind": self.kind, "bound": f"{self.bound:g}"}
        marks = " ".join(f'data-{key}="{html.escape(value)}"' for key, value in data.items())
        text = str(self).partition(": ")[2]
        return f'<p class="flowlib-measured" {marks}>Measured: {html.escape(text)}</p>'


def measured(
    label: str,
    residual: float | Tensor | list,
    below: float = 1e-14,
    above: float | None = None,
    note: str = "",
) -> None:
    """Show, and hold to a bound, how far a numbered statement was found from true.

    Args:
        label: of the box, e.g. "thm-static".
        residual: the error; of several numbers the worst counts.
        below: the statement holds: the error is at most this (default: float64 rounding).
        above: the statement must fail: the error is at least this, and `below` does not count.
        note: what was measured, in a few words.

    Example:
        >>> measured("thm-static", [2e-16, 5e-16], note="8 shifts")
        thm-static: 8 shifts, 5e-16, at most 1e-14
        >>> measured("thm-grnn-fails", 0.4, above=0.1)
        thm-grnn-fails: 0.4, at least 0.1

    Raises:
        ValueError: the residual holds no number.
        LawBroken: the residual is on the wrong side of its bound, or is not a number.
    """
    try:
        given = torch.as_tensor(residual, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"residual is {residual!r}: it wants a number, a tensor or a list of numbers"
        ) from error
    if not given.numel():
        raise ValueError(
            f"residual has shape {tuple(given.shape)}: it wants at least one number, the error"
        )
    residual = given
    if above is None:
        found = Measurement(label, float(residual.max()), "below", below, note)
    else:
        found = Measurement(label, float(residual.min()), "above", above, note)
    if not found.holds:
        raise LawBroken(str(found))
    display(found)
