"""The search loop: trials under budgets and limits, kept in memory or in a database that survives the process."""

from archwright.study._budgets import check_budgets, offered
from archwright.study._evaluation import Evaluation
from archwright.study._executor import Executor, Hooks, InProcess
from archwright.study._processes import Processes
from archwright.study._stored import stored
from archwright.study._study import Study
from archwright.study._task import Task

__all__ = [
    "Evaluation",
    "Executor",
    "Hooks",
    "InProcess",
    "Processes",
    "Study",
    "Task",
    "check_budgets",
    "offered",
    "stored",
]
