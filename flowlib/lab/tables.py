"""Tables: the published number, ours at each preset from the ledger, and the command."""

from __future__ import annotations

from flowlib.lab import ledger
from flowlib.lab.experiment import Experiment
from flowlib.lab.run import in_book

SHOWN = ("quick", "laptop", "desk", "paper")
PREFERRED = ("MNIST", "KTH")  # where rows of several data sets are there


def number(mean: float, spread: float | None = None, accuracy: bool = False) -> str:
    """1.4e-03 ± 9e-06, or 0.716 ± 0.04 for accuracies, without the part that is not known.

    Example:
        >>> number(1.4e-3, 8.9e-6), number(0.716, 0.04, accuracy=True), number(2e-3)
        ('1.4e-03 ± 9e-06', '0.716 ± 0.04', '2.0e-03')
    """
    first, second = (f"{mean:.3f}", ".2g") if accuracy else (f"{mean:.1e}", ".0e")
    known = spread is not None and spread == spread
    return first + (f" ± {spread:{second}}" if known else "")


def rows_of_one(experiment: Experiment, model: str, preset: str) -> list[dict]:
    """The rows of a model at a preset, of one data set; where the ledger holds several, MNIST or the
    whole of KTH comes first."""
    rows = experiment.rows(model, preset)
    source = min((row["data"] for row in rows), key=lambda name: name not in PREFERRED, default="")
    return [row for row in rows if row["data"] == source]


def summary(experiment: Experiment, model: str, preset: str) -> dict | None:
    """Mean, standard deviation, seeds and data of a row of the table, see `rows_of_one`; None without
    rows."""
    if preset not in experiment.presets:
        return None
    rows = rows_of_one(experiment, model, preset)
    if not rows:
        return None
    mean, spread = ledger.mean_std([row["metrics"][experiment.metric] for row in rows])
    return dict(
        mean=mean,
        spread=spread,
        seeds=len(rows),
        data=rows[0]["data"],
        parameters=rows[0]["parameters"],
        seconds=sum(row["seconds"] for row in rows) / len(rows),
        skill=_mean(rows, "skill"),
    )


def _mean(rows: list[dict], metric: str) -> float | None:
    """The mean of a metric; None where not all rows have it."""
    found = [row["metrics"].get(metric) for row in rows]
    return None if None in found or not found else sum(found) / len(found)


def floors(experiment: Experiment, preset: str) -> dict[str, float] | None:
    """What stands below and above a table of forecasts, from its rows at a preset.

    Returns:
        What `ForecastTable.floor` returns, the mean over rows; None where no row has it.
    """
    if preset not in experiment.presets:
        return None
    names = ("still_mse", "last_mse", "repeat_share")
    rows = [row for m in experiment.models for row in rows_of_one(experiment, m, preset)]
    rows = [row for row in rows if names[0] in row["metrics"]]
    return {name: _mean(rows, name) for name in names} if rows else None


def by_velocity(experiment: Experiment, model: str, preset: str) -> dict[str, float]:
    """Our error at each velocity, mean over the rows of a model, see `rows_of_one`; {} without rows."""
    rows = [
        row["metrics"]["mse_by_velocity"]
        for row in rows_of_one(experiment, model, preset)
        if "mse_by_velocity" in row["metrics"]
    ]
    return {v: sum(row[v] for row in rows) / len(rows) for v in rows[0]} if rows else {}


def velocity_table(experiment: Experiment, preset: str = "laptop") -> str:
    """The published error at each velocity, in 1e-4, and ours below it, in 1e-3, as Markdown."""
    velocities = list(next(iter(experiment.published_by_velocity.values())))
    names = [v.removeprefix("0,") for v in velocities]
    lines = [" | ".join(["V", "error", *names]), " | ".join(["---"] * (len(names) + 2))]
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
    column, and a model that is neither published nor in the ledger no record; where presets differ in
    the number of parameters, each is told, in the order of the columns."""
    accuracy, out = experiment.metric.endswith("accuracy"), []
    ours = {m: {p: summary(experiment, m, p) for p in SHOWN} for m in experiment.models}
    shown = [p for p in SHOWN if any(ours[m][p] for m in ours)]
    for model, title in experiment.models.items():
        if any(ours[m][p] for m in ours for p in shown) and not (
            model in experiment.published or any(ours[model].values())
        ):
            continue
        record = {"model": title}
        if experiment.published:
            published = experiment.published.get(model)
            record["published"] = number(*published, accuracy) if published else "-"
        sizes = dict.fromkeys(s["parameters"] for p in shown if (s := ours[model][p]))
        record["parameters"] = " / ".join(f"{size:,}" for size in sizes) or "-"
        for preset in shown:
            record[preset] = "-"
            if s := ours[model][preset]:
                of = f"{s['seeds']} seed{'s' * (s['seeds'] > 1)}, {s['data']}"
                skill = "" if s["skill"] is None else f"skill {s['skill']:.2f}; "
                record[preset] = f"{number(s['mean'], s['spread'], accuracy)} ({skill}{of})"
        out.append(record)
    return out


def table(experiment: Experiment) -> str:
    """The table as Markdown, which reads well on a terminal too; below it the floors, what is
    published by velocity and where, and the command, where there is one."""
    lines = records(experiment)
    names = list(lines[0])
    width = {k: max(len(k), *(len(r[k]) for r in lines)) for k in names}

    def line(cells):
        return "| " + " | ".join(cells[k].ljust(width[k]) for k in names) + " |"

    rule = {k: "-" * width[k] for k in names}
    more = [  # a line of its own each, in Markdown too
        f"\n{preset}: a still picture {number(f['still_mse'])}, the last frame {number(f['last_mse'])}; "
        f"{f['repeat_share']:.0%} of the frames to forecast were seen before"
        for preset in SHOWN
        if (f := floors(experiment, preset))
    ]
    more = [*more, "", "Skill = 1 - error / error of the still picture."] if more else []
    if experiment.published_by_velocity:
        more += ["", velocity_table(experiment)]
    if experiment.published_source:
        more += ["", f"Published: {experiment.published_source}."]
    if in_book(experiment):
        command = f"python -m flowlib run {experiment.name} --model MODEL --preset laptop --seed 0"
        more += ["", f"One row: `{command}`"]
    return "\n".join(
        [
            f"{experiment.name}: {experiment.title}; {experiment.metric}, mean ± std over seeds",
            "",
            line({k: k for k in names}),
            line(rule),
            *map(line, lines),
            *more,
        ]
    )
