"""Libraries that are imported at their first use."""

import subprocess
import sys

import pytest

from timApp.util.deferred import DeferredModule

_LARGE = ("alembic", "authlib", "joserfc", "mako", "openpyxl", "pygments", "saml2", "webauthn")


def test_a_module_is_imported_when_something_of_it_is_asked_for() -> None:
    """Not before; and what is returned is the module's own."""
    code = (
        "import sys; from timApp.util.deferred import DeferredModule;"
        "later = DeferredModule('colorsys'); assert 'colorsys' not in sys.modules;"
        "assert later.rgb_to_hsv(0, 0, 0) == (0, 0, 0); assert 'colorsys' in sys.modules;"
        "assert later.rgb_to_hsv is sys.modules['colorsys'].rgb_to_hsv"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_a_module_lacks_is_told_as_by_the_module() -> None:
    """Neither a wrong name of a module nor one of an attribute is hidden."""
    with pytest.raises(AttributeError, match="colorsys"):
        _ = DeferredModule("colorsys").no_such_thing
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        _ = DeferredModule("no_such_library").anything


def test_a_site_that_nobody_asked_for_them_has_no_large_libraries_in_memory() -> None:
    """Workers import those of class lists, passkeys and migrations when the first one comes."""
    code = (
        "import sys, timApp.app, timApp.serve.worker, timApp.cli.commands.run;"
        f"print(*set({_LARGE}) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
