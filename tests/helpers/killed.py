"""A process for a test to kill, without the import of torch."""

from __future__ import annotations

import multiprocessing
from multiprocessing.process import BaseProcess

import torch


def started(program: str) -> BaseProcess:
    """Run the text of a program in a fork of this process; in a new one where autograd has threads for a GPU, which a
    fork would lack.
    """
    context = multiprocessing.get_context("spawn" if torch.cuda.is_available() else "fork")
    process = context.Process(target=exec, args=(program, {"__name__": "killed"}))
    process.start()
    return process
