"""What was reproduced: each published ratio beside ours, and a verdict that is made from the ledger."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flowlib.lab import ledger
from flowlib.lab.experiment import Experiment
from flowlib.lab.tables import floors, rows_of_one

SIZES = ("paper", "desk", "laptop")  # the largest with two seeds decides
SEEN = 0.25  # a table with more repeated frames tests memory; the paper's own geometry has 0.23
MOTION = (
    0.2  # a baseline below this skill may know no motion: the best blur of a still picture has 0.14
)
SKILL = 0.5  # a ratio to a baseline below it measures how little the baseline was trained
SPREADS = 2.0  # standard deviations over seeds that a lead must have: three seeds agree by luck too
NEAR = 2.0  # ratios within this factor of each other are called near


@dataclass(frozen=True)
class Verdict:
    """One published ratio, and what ours say of it.

    Attributes:
        experiment, worse, better: names; the ratio is error of `worse` / error of `better`, where
            `worse` is the first published row of the table.
        published: the paper's ratio.
        ours: preset -> our ratios, one a seed.
        word: "reproduced", "in order only", "contradicted" or "not tested".
        why: in a few words.
    """

    experiment: str
    worse: str
    better: str
    published: float
    ours: dict[str, list[float]]
    word: str
    why: str


def verdicts(experiment: Experiment) -> list[Verdict]:
    """One verdict for each published row of a table but the first, which is the baseline.

    The order is that of each seed, at the largest preset with two seeds. It is tested only where the
    table asks for motion, the baseline has learned some, and the lead is no luck: see SEEN, MOTION,
    SPREADS. A ratio is reproduced only where the baseline has learned most of the task: see SKILL.

    Example: without rows nothing was tested.
        >>> from flowlib.lab.run import experiments
        >>> import os, tempfile
        >>> from unittest import mock
        >>> with tempfile.TemporaryDirectory() as nothing:
        ...     with mock.patch.dict(os.environ, FLOWLIB_RESULTS=nothing):
        ...         [v.word for v in verdicts(experiments()["translating-mnist"])]
        ['not tested', 'not tested']
    """
    worse, *others = experiment.published
    accuracy = experiment.metric.endswith("accuracy")
    theirs = {m: 1 - x if accuracy else x for m, (x, _) in experiment.published.items()}
    made = []
    for better in others:
        ours = {p: r for p in SIZES if (r := ratios(experiment, worse, better, p))}
        published = theirs[worse] / theirs[better]
        word, why = _judge(experiment, worse, published, ours, forecast=not accuracy)
        made.append(Verdict(experiment.name, worse, better, published, ours, word, why))
    return made


def ratios(experiment: Experiment, worse: str, better: str, preset: str) -> list[float]:
    """error of `worse` / error of `better`, for each seed that both have at a preset; 1 - accuracy
    where the table is one of accuracies."""
    if preset not in experiment.presets:
        return []

    def errors(model):
        accuracy = experiment.metric.endswith("accuracy")
        values = {
            row["seed"]: row["metrics"][experiment.metric]
            for row in rows_of_one(experiment, model, preset)
        }
        return {seed: 1 - x if accuracy else x for seed, x in values.items()}

    top, bottom = errors(worse), errors(better)
    return [top[seed] / bottom[seed] for seed in sorted(top.keys() & bottom.keys())]


def _judge(experiment, worse: str, published: float, ours: dict, forecast: bool) -> tuple[str, str]:
    if not ours:
        return "not tested", "no rows"
    several = {preset: found for preset, found in ours.items() if len(found) > 1}
    preset, found = next(iter((several or ours).items()))
    skill = 1.0
    if forecast:
        floor = floors(experiment, preset)
        if floor is None:
            return "not tested", f"{preset} rows do not know what a still picture scores"
        if floor["repeat_share"] > SEEN:
            return "not tested", f"{floor['repeat_share']:.0%} of the frames were seen before"
        metrics = [row["metrics"] for row in rows_of_one(experiment, worse, preset)]
        skill = min(m.get("skill", -math.inf) for m in metrics)
        if skill < MOTION:
            return "not tested", f"the baseline has skill {skill:.2f} with its worst seed"
    if not several:
        return "not tested", f"one seed at {preset}"
    agree, seeds = [(r > 1) == (published > 1) for r in found], f"{len(found)} seeds at {preset}"
    if not any(agree):
        return "contradicted", f"the other order, {seeds}"
    if not all(agree):
        return "not tested", f"seeds disagree, {seeds}"
    middle, spread = ledger.mean_std([math.log(ratio) for ratio in found])
    if abs(middle) < SPREADS * spread:
        return "not tested", f"the lead is within its spread, {seeds}"
    if skill < SKILL:
        return "in order only", f"the baseline has skill {skill:.2f} with its worst seed, {seeds}"
    mean = math.exp(middle)
    if 1 / NEAR < mean / published < NEAR:
        return "reproduced", f"order and ratio, {seeds}"
    return "in order only", f"ratio {mean:.1f}, published {published:.1f}, {seeds}"
