"""Fuzzing of what reads from outside: hypothesis and atheris over the same targets; see `__main__.py`."""
