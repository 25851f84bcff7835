"""The command line: python -m flowlib data | list | run | table.

data                what data are here, and where from
list                experiments, models and presets
run EXPERIMENT      train, measure and write rows of the ledger; resumes what was interrupted
table EXPERIMENT    the ledger beside the published numbers
"""

from __future__ import annotations

import argparse
import sys

from flowlib import ledger
from flowlib.data import mnist
from flowlib.data.files import DataUnavailableError
from flowlib.experiments import checkpoint_path, experiments, find, run
from flowlib.experiments.tables import table


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status, 2 for bad input."""
    options = parser().parse_args(arguments)
    try:
        options.do(options)
    except (ValueError, FloatingPointError, OSError, DataUnavailableError) as error:
        print(f"flowlib: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the checkpoint", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m flowlib", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = top.add_subparsers(required=True, metavar="command")

    def command(name, do, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(do=do)
        return sub

    command("data", do_data, "what data are here, and where from")
    command("list", do_list, "experiments, models and presets")
    sub = command("run", do_run, "train, measure, and write rows of the ledger")
    sub.add_argument("experiment")
    sub.add_argument("--model", help="one model; without it, all models of the experiment")
    sub.add_argument("--preset", default="quick", help="quick (default), laptop or paper")
    sub.add_argument("--seed", type=int, default=0, help="default 0")
    sub.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    sub.add_argument("--again", action="store_true", help="also rows the ledger has already")
    sub = command("table", do_table, "the ledger beside the published numbers")
    sub.add_argument("experiment")
    return top


def do_data(options) -> None:
    print(mnist.mnist_status())


def do_list(options) -> None:
    for experiment in experiments().values():
        print(f"{experiment.name}: {experiment.title}")
        print(f"  models   {', '.join(experiment.models)}")
        for name, title in experiment.presets.items():
            print(f"  preset   {name:8s} {title}")


def do_run(options) -> None:
    experiment = find("experiment", options.experiment, experiments())
    if options.seed < 0:
        raise ValueError(f"seed is {options.seed}: it wants 0 or more")
    for model in [options.model] if options.model else experiment.models:
        names = (experiment.name, model, options.preset, options.seed)
        where = dict(model=model, preset=options.preset, seed=options.seed)
        there = ledger.rows(experiment.name, **where)
        if there and not options.again:
            data = " and ".join(row["data"] for row in there)
            print(f"{' '.join(map(str, names))}: the ledger has this row, of {data} (or --again)")
            continue
        checkpoint = checkpoint_path(*names)
        row = run(*names, device=options.device, checkpoint=checkpoint).row
        path = ledger.append(row)
        checkpoint.unlink(missing_ok=True)  # the row is what lasts
        print(
            f"{' '.join(map(str, names))}: {experiment.metric} {row['metrics'][experiment.metric]:.3e},"
        )
        print(
            f"  {row['seconds']:.0f} s of training on {row['device']}, {row['data']}; row in {path}"
        )


def do_table(options) -> None:
    print(table(find("experiment", options.experiment, experiments())))


if __name__ == "__main__":
    sys.exit(main())
