"""Tables: the published number, ours at each preset from the ledger, and the command."""

from __future__ import annotations

from flowlib.lab import ledger
from flowlib.lab.experiment import Experiment

SHOWN = ("quick", "laptop", "paper")


def number(mean: float, spread: float | None = None, accuracy: bool = False) -> str:
    """1.4e-03 +- 8.9e-06, or 0.716 +- 0.04 for accuracies, without the part that is not known."""
    first, second = (f"{mean:.3f}", ".2g") if accuracy else (f"{mean:.1e}", ".0e")
    known = spread is not None and spread == spread
    return first + (f" ± {spread:{second}}" if known else "")


def summary(experiment: Experiment, model: str, preset: str) -> dict | None:
    """Mean, standard deviation, seeds and data of a row of the table; None without rows.

    Rows are of one data set; where the ledger holds several, MNIST or the whole of KTH comes first.
    """
    if preset not in experiment.presets:
        return None
    rows = experiment.rows(model, preset)
    if not rows:
        return None
    source = min((row["data"] for row in rows), key=lambda name: name not in ("MNIST", "KTH"))
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


def by_velocity(experiment: Experiment, model: str, preset: str) -> dict[str, float]:
    """Our error at each velocity, mean over the MNIST rows of a model; {} without rows."""
    rows = [
        row["metrics"]["mse_by_velocity"]
        for row in experiment.rows(model, preset, data="MNIST")
        if "mse_by_velocity" in row["metrics"]
    ]
    return {v: sum(row[v] for row in rows) / len(rows) for v in rows[0]} if rows else {}


def velocity_table(experiment: Experiment, preset: str = "laptop") -> str:
    """The published error at each velocity, in 1e-4, and ours below it, in 1e-3, as Markdown."""
    velocities = list(next(iter(experiment.published_by_velocity.values())))
    names = [v.removeprefix("0,") for v in velocities]
    lines = [" | ".join(["V", "", *names]), " | ".join(["---"] * (len(names) + 2))]
    for model, published in experiment.published_by_velocity.items():
        ours = by_velocity(experiment, model, preset)
        for title, whose, errors, unit in (
            (experiment.models[model], "published, 1e-4", published, 1e-4),
            ("", f"{preset}, 1e-3", ours, 1e-3),
        ):
            cells = [f"{errors[v] / unit:.2g}" if errors else "-" for v in velocities]
            lines.append(" | ".join([title, whose, *cells]))
    return "\n".join(f"| {line} |" for line in lines)


def records(experiment: Experiment) -> list[dict[str, str]]:
    """One record a model: the columns of the table as texts. What is in none of them has no
    column; parameters are of the largest preset that has rows."""
    accuracy, out = experiment.metric.endswith("accuracy"), []
    ours = {m: {p: summary(experiment, m, p) for p in SHOWN} for m in experiment.models}
    shown = [p for p in SHOWN if any(ours[m][p] for m in ours)]
    for model, title in experiment.models.items():
        record = {"model": title}
        if experiment.published:
            published = experiment.published.get(model)
            record["published"] = number(*published, accuracy) if published else "-"
        record["parameters"] = "-"
        for preset in shown:
            record[preset] = "-"
            if s := ours[model][preset]:
                record["parameters"] = f"{s['parameters']:,}"
                of = f"{s['seeds']} seed{'s' * (s['seeds'] > 1)}, {s['data']}"
                record[preset] = f"{number(s['mean'], s['spread'], accuracy)} ({of})"
        out.append(record)
    return out


def table(experiment: Experiment) -> str:
    """The table as Markdown, which reads well on a terminal too; below it the errors by velocity,
    where they are published."""
    lines = records(experiment)
    names = list(lines[0])
    width = {k: max(len(k), *(len(r[k]) for r in lines)) for k in names}

    def line(cells):
        return "| " + " | ".join(cells[k].ljust(width[k]) for k in names) + " |"

    rule = {k: "-" * width[k] for k in names}
    more = ["", velocity_table(experiment)] if experiment.published_by_velocity else []
    return "\n".join(
        [
            f"{experiment.name}: {experiment.title}; {experiment.metric}, mean ± std over seeds",
            "",
            line({k: k for k in names}),
            line(rule),
            *map(line, lines),
            *more,
            "",
            f"Published: {experiment.published_source}.",
            "",
            f"One row: `python -m flowlib run {experiment.name} --model MODEL --preset laptop --seed 0`",
        ]
    )
