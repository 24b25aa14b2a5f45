"""The cases, a module each: its docstring says what is compared with what.

A case has a `TITLE`, and a function `measure(run, section)` that writes what came of it into the
section of the report.
"""

from types import ModuleType

from bench.cases import (
    admin_list,
    embedded,
    everybody,
    export,
    front,
    gate,
    growth,
    guard,
    guessed,
    hosts,
    login,
    nine_oclock,
    replica,
    request,
    roster,
    servers,
    shards,
    size,
    start,
    waiting,
)

#: All cases by name, in the order of the report.
CASES: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        guard,
        request,
        embedded,
        front,
        gate,
        growth,
        admin_list,
        everybody,
        export,
        login,
        nine_oclock,
        guessed,
        hosts,
        waiting,
        roster,
        start,
        size,
        servers,
        replica,
        shards,
    )
}
