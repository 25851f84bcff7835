"""The command line: python -m flowlib data | list | run | table | bench | forecast.

data                what data are here, and where from; data --get kth downloads KTH
list                experiments, models and presets
run EXPERIMENT      train, measure and write rows of the ledger; resumes what was interrupted
run --missing       the rows that the ledger lacks, of all experiments, the most telling first;
                    with --jobs 4 so many at a time, with --cluster FOLDER as jobs of a cluster
table EXPERIMENT    the ledger beside the published numbers
bench               what a step of the networks costs on this machine
forecast VIDEO      train on your own video file, and write a page about it

torchrun --nproc-per-node 2 -m flowlib run EXPERIMENT ...  trains each row on two processes
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from flowlib.lab import ledger, own_forecast
from flowlib.lab.actions import DATA
from flowlib.lab.bench import bench
from flowlib.lab.checkpoints import RowIsRunningError, checkpoint_path, remove_checkpoint, row_lock
from flowlib.lab.data.files import DataUnavailableError
from flowlib.lab.data.mnist import mnist_status
from flowlib.lab.files import write_whole
from flowlib.lab.machines import BUSY, RowsFailedError, side_by_side, submit
from flowlib.lab.memory import keep_blocks
from flowlib.lab.processes import on_rank_0, process_group, rank, world_size
from flowlib.lab.run import experiments, find, row_words, run
from flowlib.lab.tables import table
from flowlib.lab.training import OutOfTime

FAILURES = ValueError, FloatingPointError, OSError, DataUnavailableError, RowsFailedError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 2 for bad input or a failure, 75 where another
    process is at the row."""
    options = parser().parse_args(arguments)
    try:
        with process_group(getattr(options, "device", "cpu")):
            options.do(options)
    except RowIsRunningError as error:
        print(f"flowlib: {error}", file=sys.stderr)
        return BUSY
    except FAILURES as error:
        print(f"flowlib: {error}", file=sys.stderr)
        return 2
    except OutOfTime as stop:
        print(f"{stop}; the same command goes on from the checkpoint", file=sys.stderr)
        return 0
    except KeyboardInterrupt:
        print(f"stopped; {options.stopped}", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m flowlib", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = top.add_subparsers(required=True, metavar="command")

    def command(name, do, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(do=do, stopped="the same command goes on from the checkpoint")
        return sub

    sub = command("data", do_data, "what data are here, and where from")
    gets = {name: data.amount for name, data in DATA.items() if data.download}
    text = ", ".join(f"{name}, {amount}" for name, amount in gets.items())
    sub.add_argument(
        "--get", choices=list(gets), help=f"download it: {text}, resumed if broken off"
    )
    command("list", do_list, "experiments, models and presets")
    sub = command("run", do_run, "train, measure, and write rows of the ledger")
    sub.add_argument("experiment", nargs="?", help="an experiment; not needed with --missing")
    sub.add_argument("--model", help="one model; without it, all models of the experiment")
    sub.add_argument("--preset", default="quick", help="quick (default), laptop, desk or paper")
    sub.add_argument("--seed", type=int, default=0, help="default 0")
    sub.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    sub.add_argument("--precision", default="float32", help="float32 (default) or bfloat16")
    sub.add_argument("--again", action="store_true", help="also rows the ledger has already")
    many = sub.add_mutually_exclusive_group()
    many.add_argument("--all", action="store_true", help="all models and seeds of the experiment")
    many.add_argument("--missing", action="store_true", help="all models and seeds of all of them")
    sub.add_argument("--seeds", type=int, default=3, help="how many, for --all and --missing")
    sub.add_argument("--minutes", type=float, help="stop in time; the same command goes on later")
    place = sub.add_mutually_exclusive_group()
    place.add_argument("--jobs", type=int, help="so many rows at a time, each a process of its own")
    place.add_argument(
        "--cluster",
        nargs="+",
        metavar=("FOLDER", "KEY=VALUE"),
        help="each row as a job of SLURM, where it is; its logs go to FOLDER, and KEY=VALUE to\n"
        "submitit: timeout_min=600 gpus_per_node=1 slurm_partition=gpu ...",
    )
    sub = command("table", do_table, "the ledger beside the published numbers")
    sub.add_argument("experiment")
    sub = command("bench", do_bench, "what a step of the networks costs on this machine")
    sub.add_argument(
        "--channels", type=int, nargs="+", default=[16, 32, 128], help="default 16 32 128"
    )
    text = "train on your own video file, and write a page about it"
    sub = command("forecast", do_forecast, text)
    sub.set_defaults(stopped="no page was written")
    sub.add_argument("video", type=Path, help="its path")
    sub.add_argument("--out", type=Path, help="the page, or its folder; default beside the video")
    for name, (kind, default, text) in own_forecast.OPTIONS.items():
        sub.add_argument(f"--{name}", type=kind, default=default, help=text)
    return top


def do_data(options) -> None:
    if options.get:
        DATA[options.get].download()
    for status in (mnist_status, *(data.status for data in DATA.values() if data.status)):
        print(status())


def do_list(options) -> None:
    for experiment in experiments().values():
        print(f"{experiment.name}: {experiment.title}")
        print(f"  models   {', '.join(experiment.models)}")
        for name, title in experiment.presets.items():
            print(f"  preset   {name:8s} {title}")


def do_run(options) -> None:
    known = experiments()
    if options.experiment is None and not options.missing:
        raise ValueError(f"which experiment? choose one of {', '.join(known)}, or --missing")
    if options.seed < 0:
        raise ValueError(f"seed is {options.seed}: it wants 0 or more")
    if options.seeds < 1:
        raise ValueError(f"seeds is {options.seeds}: it wants 1 or more")
    if options.minutes is not None and not options.minutes > 0:  # NaN neither
        raise ValueError(f"minutes is {options.minutes:g}: it wants a number above 0, e.g. 30")
    if options.experiment is None:
        chosen = [e for e in known.values() if options.preset in e.presets]
    else:
        chosen = [find("experiment", options.experiment, known)]
    several = options.all or options.missing
    deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    # One seed of everything says more than all seeds of one table.
    rows = [
        (experiment, model, seed)
        for seed in (range(options.seeds) if several else [options.seed])
        for experiment in chosen
        for model in ([options.model] if options.model else experiment.models)
    ]
    for experiment, model, _ in rows:
        find(f"model of {experiment.name}", model, experiment.models)
        find(f"preset of {experiment.name}", options.preset, experiment.presets)

    def check_time() -> None:
        if deadline is not None and on_rank_0(lambda: time.monotonic() > deadline):
            raise OutOfTime(f"{options.minutes:g} minutes are over")

    if options.jobs is not None or options.cluster:
        if world_size() > 1:
            raise ValueError("torchrun is for one row at a time: leave --jobs and --cluster out")
        commands = [
            row_words(
                experiment.name, model, options.preset, seed, options.device, options.precision
            )
            + ["--again"] * options.again
            for experiment, model, seed in rows
            if options.again or not experiment.rows(model, options.preset, seed=seed)
        ]
        if options.cluster:
            folder, *settings = options.cluster
            minutes = [] if deadline is None else ["--minutes", str(options.minutes)]
            for job in submit([words + minutes for words in commands], folder, settings):
                print(f"job {job.job_id}: its log is {job.paths.stderr}")
        else:
            side_by_side(commands, options.jobs, deadline)
            check_time()
        return
    keep_blocks()
    without_data = set()
    for experiment, model, seed in rows:
        if experiment.name in without_data:
            continue
        check_time()
        try:
            run_row(experiment, model, seed, options, deadline, brief=several)
        except RowIsRunningError as error:
            if not several:
                raise
            print(f"left out: {error}", file=sys.stderr)
        except DataUnavailableError as error:
            if not options.missing:
                raise
            print(f"{experiment.name}: left out, {error}", file=sys.stderr)
            without_data.add(experiment.name)  # its other models want the same data


def run_row(experiment, model: str, seed: int, options, deadline, brief: bool) -> None:
    """One row, if the ledger has it not, and nobody else is at it."""
    names = (experiment.name, model, options.preset, seed)
    title = " ".join(map(str, names))
    with row_lock(*names):
        there = on_rank_0(lambda: experiment.rows(model, options.preset, seed=seed))
        if there and not options.again:
            if not brief:
                data = " and ".join(row["data"] for row in there)
                say(f"{title}: the ledger has this row, of {data} (or --again)")
            return
        on_rank_0(ledger.check_writable, experiment.name)
        path = checkpoint_path(*names)
        row = run(
            experiment.name,
            model,
            options.preset,
            seed,
            device=options.device,
            precision=options.precision,
            checkpoint=path,
            deadline=deadline,
        ).row
        where = on_rank_0(ledger.append, row)
        on_rank_0(remove_checkpoint, path)  # the row is what lasts
    value = row["metrics"][experiment.metric]
    say(f"{title}: {experiment.metric} {value:.3e},")
    say(f"  {row['seconds']:.0f} s of training on {row['device']}, {row['data']}; row in {where}")


def say(text: str) -> None:
    """Print it, once for all processes."""
    if rank() == 0:
        print(text)


def do_table(options) -> None:
    print(table(find("experiment", options.experiment, experiments())))


def do_bench(options) -> None:
    if min(options.channels) < 1:
        raise ValueError(f"channels is {min(options.channels)}: it wants 1 or more")
    keep_blocks()
    bench(options.channels)


def do_forecast(options) -> None:
    try:
        from flowlib.pages.video_page import page  # here, because only it needs matplotlib
    except ModuleNotFoundError as error:
        raise ValueError(f"the page needs {error.name}: pip install 'flowlib[book]'") from error
    path = own_forecast.page_path(options.video, options.out)
    settings = {name: getattr(options, name) for name in own_forecast.OPTIONS}
    found = own_forecast.forecast(options.video, **settings)
    write_whole(path, page(**vars(found)).encode())
    for title, error, skill in found.rows.values():
        say(f"{title:30s} error {sum(error) / len(error):.2e}, skill {skill:z.2f}")
    say(f"the page: {path}")


if __name__ == "__main__":
    sys.exit(main())
