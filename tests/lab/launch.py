"""torchrun in miniature: forks of this process that train together, without its seconds of imports."""

import multiprocessing
import os
import socket
import traceback

import pytest
import torch

from flowlib.lab.processes import SAFE

several = pytest.mark.skipif(
    torch.__version__ < SAFE, reason=f"several processes want torch {SAFE}"
)
FORK = multiprocessing.get_context("fork")


def launch(processes, function, *arguments):
    """Start function(*arguments) in each of several forks, as torchrun would; give them back.

    What one prints to stderr is seen; its exit status is what the function returns, 1 for an error.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def start(rank):
        os.environ |= dict(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(processes),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )
        try:
            status = function(*arguments)
        except BaseException:
            traceback.print_exc()
            status = 1
        os._exit(status or 0)

    forks = [FORK.Process(target=start, args=(rank,), daemon=True) for rank in range(processes)]
    for fork in forks:
        fork.start()
    return forks


def together(processes, function, *arguments, seconds=60):
    """What function(*arguments) returns in each of several processes; an error is given as itself."""
    answers = FORK.Queue()

    def told():
        try:
            answer = function(*arguments)
        except Exception as error:
            answer = error
        answers.put((int(os.environ["RANK"]), answer))
        answers.close()
        answers.join_thread()

    forks = launch(processes, told)
    try:
        found = dict(answers.get(timeout=seconds) for _ in range(processes))
    finally:
        for fork in forks:
            fork.join(10)
            fork.kill()
    return [found[rank] for rank in range(processes)]
