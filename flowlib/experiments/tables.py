"""Tables: the published number, ours at each preset from the ledger, and the command."""

from __future__ import annotations

from flowlib import ledger
from flowlib.experiments import Experiment

SHOWN = ("quick", "laptop", "paper")


def number(mean: float, spread: float | None = None) -> str:
    """1.4e-03 +- 8.9e-06, without the part that is not known."""
    return f"{mean:.1e}" + (f" ± {spread:.0e}" if spread is not None and spread == spread else "")


def summary(experiment: Experiment, model: str, preset: str) -> dict | None:
    """Mean, standard deviation, seeds and data of a row of the table; None without rows.

    Rows are of one data set; where the ledger holds several, MNIST comes first.
    """
    if preset not in experiment.presets:
        return None
    rows = experiment.rows(model, preset)
    if not rows:
        return None
    source = min((row["data"] for row in rows), key=lambda name: name != "MNIST")
    rows = [row for row in rows if row["data"] == source]
    mean, spread = ledger.mean_std([row["metrics"][experiment.metric] for row in rows])
    return dict(
        mean=mean,
        spread=spread,
        seeds=len(rows),
        data=source,
        parameters=rows[0]["parameters"],
        seconds=sum(row["seconds"] for row in rows) / len(rows),
    )


def records(experiment: Experiment) -> list[dict[str, str]]:
    """One record a model: the columns of the table as texts."""
    out = []
    for model, title in experiment.models.items():
        published = experiment.published.get(model)
        record = {"model": title, "published": number(*published) if published else "-"}
        for preset in SHOWN:
            s = summary(experiment, model, preset)
            record[preset] = (
                f"{number(s['mean'], s['spread'])} ({s['seeds']} seed{'s' * (s['seeds'] > 1)}, {s['data']})"
                if s
                else "-"
            )
        out.append(record)
    return out


def table(experiment: Experiment) -> str:
    """The table as Markdown, which reads well on a terminal too."""
    lines = records(experiment)
    names = list(lines[0])
    width = {k: max(len(k), *(len(r[k]) for r in lines)) for k in names}

    def line(cells):
        return "| " + " | ".join(cells[k].ljust(width[k]) for k in names) + " |"

    rule = {k: "-" * width[k] for k in names}
    return "\n".join(
        [
            f"{experiment.name}: {experiment.title}; {experiment.metric}, mean ± std over seeds",
            "",
            line({k: k for k in names}),
            line(rule),
            *map(line, lines),
            "",
            f"Published: {experiment.published_source}.",
            "",
            f"One row: `python -m flowlib run {experiment.name} --model MODEL --preset laptop --seed 0`",
        ]
    )
