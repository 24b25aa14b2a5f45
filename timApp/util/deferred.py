"""Libraries that are large and seldom wanted, imported when something of them is asked for."""

import importlib
from types import ModuleType
from typing import Any


class DeferredModule(ModuleType):
    """Stands for the module of its name, and imports it when the first attribute is asked for.

    Each worker of a site has what it imports in memory for as long as it runs. Write it where the
    import would stand, at the top, with the import itself for mypy::

        if TYPE_CHECKING:
            import openpyxl
        else:
            openpyxl = DeferredModule("openpyxl")

    `ModuleNotFoundError` comes at the first use, too. Unlike `importlib.util.LazyLoader` in
    Python 3.11, threads may meet here: `importlib` has them wait for one another.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)
