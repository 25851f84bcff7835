"""Runs the chapters that the cache of the book lacks, several at once, and puts them there.

python book/execute.py [JOBS]    JOBS chapters at once, 2 without it

The cache is the one that the build looks into, and a chapter is run as the build would run it: the
build then finds all of them executed. A chapter that fails is shown with its traceback, the others
still run, and the exit status is 1.
"""

import sys
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution

ROOT = Path(__file__).resolve().parents[1]


def lacking(cache, folder: Path) -> list[Path]:
    """The chapters without outputs in the cache, the last one first: the later ones take longer."""
    known = {record.hashkey for record in cache.list_cache_records()}
    paths = sorted(folder.glob("*.ipynb"), reverse=True)
    return [p for p in paths if cache.create_hashed_notebook(nbformat.read(p, 4))[1] not in known]


def execute(path: Path, timeout: int) -> tuple[nbformat.NotebookNode, float, str | None]:
    """The executed notebook, its seconds, and a traceback if it failed."""
    notebook = nbformat.read(path, 4)
    try:
        done = single_nb_execution(notebook, str(path.parent), timeout, allow_errors=False)
    except Exception:  # no cell failed, but the kernel
        return notebook, 0.0, traceback.format_exc()
    return done.nb, done.time, done.exc_string


def fill(cache, folder: Path, jobs: int, timeout: int) -> list[str]:
    """Run what is lacking; returns the names of the chapters that failed."""
    failed = []
    with ProcessPoolExecutor(jobs) as pool:
        runs = {pool.submit(execute, path, timeout): path for path in lacking(cache, folder)}
        for run in as_completed(runs):
            path, (notebook, seconds, error) = runs[run], run.result()
            if error:
                print(f"{path.name} failed\n{error}", file=sys.stderr, flush=True)
                failed.append(path.name)
                continue
            print(f"{path.name}  {seconds:.0f} s", flush=True)
            bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return failed


if __name__ == "__main__":
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    failed = fill(
        get_cache(str(ROOT / "_build" / ".jupyter_cache")),
        ROOT / "chapters",
        jobs=int(sys.argv[1]) if len(sys.argv) > 1 else 2,
        timeout=config["execute"]["timeout"],
    )
    if failed:
        sys.exit(f"chapters that failed: {', '.join(sorted(failed))}")
