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
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory

from timApp.cli import main

_context = multiprocessing.get_context("forkserver")
# Of the modules that are imported later only those that every command takes.
_context.set_forkserver_preload([__name__, "timApp.cli.group", "timApp.cli.commands.run"])


def started(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    *,
    errors: Path | None = None,
    network: Path | None = None,
) -> ForkServerProcess:
    """Start `timapp` with these words, in a folder and maybe a network namespace.

    It writes to the log, its errors as well if they have no file of their own, and reads nothing.
    """
    outputs = {1: log, 2: errors or log}
    process = _context.Process(
        target=_run, args=(words, dict(environment), folder, outputs, network)
    )
    process.start()
    return process


def ran(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float
) -> CompletedProcess[str]:
    """Run `timapp` with these words to its end, which has to come in so many seconds."""
    with TemporaryDirectory() as kept:
        log, errors = Path(kept, "log"), Path(kept, "errors")
        process = started(words, environment, folder, log, errors=errors)
        process.join(seconds)
        code = process.exitcode
        if code is None:
            process.kill()
            raise TimeoutExpired(list(words), seconds)
        process.close()
        return CompletedProcess(list(words), code, log.read_text(), errors.read_text())


def _run(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    outputs: Mapping[int, Path],
    network: Path | None,
) -> None:
    os.setsid()
    for number, path in outputs.items():
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
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
