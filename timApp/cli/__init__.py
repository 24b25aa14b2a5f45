"""The command line, `timapp`: a module for each command or group of commands.

Nearly nothing is imported here, so that Ctrl-C is quiet from the first moment on.
"""

import importlib

from timApp.cli.interrupt import INTERRUPTED, end_at_interrupt, end_now


def main() -> None:
    """Run the command that the process was started with, and end the process.

    Ctrl-C says nothing, from the call on. Its code is 130, or that of a command that gives it
    another meaning; a command that is done by then keeps its own code, or the signal ends Python.
    """
    end_at_interrupt()
    try:
        # Click would take the name from how the process was started, maybe "python -m timApp.cli".
        importlib.import_module("timApp.cli.group").cli.main(prog_name="timapp")
    except KeyboardInterrupt:
        end_now()
    except SystemExit as end:
        end_at_interrupt()
        if end.code == INTERRUPTED:
            end_now()
        raise
