"""Exercises that answer: `check` tries the law that an exercise asks for on a reader's function."""

from flowlib.pages.exercises import part1, part2, part3
from flowlib.pages.exercises.verdict import Verdict, check

__all__ = ["Verdict", "check", "part1", "part2", "part3"]
