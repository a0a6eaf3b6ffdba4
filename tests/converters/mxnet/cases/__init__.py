"""The operators' cases by family; each module has a ``sweep(mx)`` that gives them. Runs in MXNet's Python too."""

import importlib
import pkgutil

FAMILIES = tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name != "case"))


def load(family, mx):
    """A family's cases by their names."""
    found = {}
    for case in importlib.import_module(f"{__name__}.{family}").sweep(mx):
        assert case.id not in found, f"two cases are called {case.id}"
        found[case.id] = case
    return found
