"""Exercises that answer: `check` tries the law that an exercise asks for on a reader's function."""

from flowlib.pages.exercises import part1, part2, part3  # noqa: F401  (each enters its laws)
from flowlib.pages.exercises.reply import Reply, check

__all__ = ["Reply", "check"]
