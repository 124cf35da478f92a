"""Who reaches what, how fast, and where a new base should go.

Imported as ``boai.coverage``. When the checkout itself is on ``sys.path`` and someone asks for the
top-level module ``coverage``, they mean coverage.py (pytest-cov and numba import it): hand it over.
"""

if __name__ == "coverage":
    import sys as _sys
    from importlib.machinery import PathFinder as _PathFinder
    from importlib.util import module_from_spec as _module_from_spec
    from pathlib import Path as _Path

    _checkout = _Path(__file__).resolve().parent.parent
    _spec = _PathFinder.find_spec(
        "coverage", [entry for entry in _sys.path if _Path(entry or ".").resolve() != _checkout]
    )
    if _spec is None or _spec.loader is None:
        raise ModuleNotFoundError(
            "No module named 'coverage' (coverage.py is not installed)", name="coverage"
        )
    _module = _module_from_spec(_spec)
    _sys.modules["coverage"] = _module
    _spec.loader.exec_module(_module)
