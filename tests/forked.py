"""Processes of the command line that begin where it is imported, which takes most of a start.

Each is forked off a process that has done nothing but import it, and is a process like any other
from then on: with its own environment, files and signals, and the leader of a group of its own.
"""

import ctypes
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from timApp.cli import main

_context = multiprocessing.get_context("forkserver")
# Of the modules that are imported later only those that every command takes.
_context.set_forkserver_preload([__name__, "timApp.cli.group", "timApp.cli.commands.run"])


def started(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    network: Path | None = None,
) -> ForkServerProcess:
    """Start `timapp` with these words, in a folder and maybe a network namespace.

    It writes to the log, and reads nothing.
    """
    process = _context.Process(target=_run, args=(words, dict(environment), folder, log, network))
    process.start()
    return process


def _run(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    network: Path | None,
) -> None:
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):  # what it says, and its errors
        os.dup2(output, number)
    os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if network is not None:
        _enter(network)
    sys.argv = ["timapp", *words]
    main()


def _enter(network: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with network.open() as file:
        if libc.setns(file.fileno(), 0) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(network))
