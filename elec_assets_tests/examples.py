"""How many examples a costly property is tried on: the full number by `make prove`, 3 of 10 by `make test`."""

from hypothesis import settings

_DEFAULT = 100
_FEWEST = 3


def examples(full: int) -> int:
    """Of a full number of examples the part that the profile runs, which is loaded before tests are imported."""
    return max(_FEWEST, full * settings().max_examples // _DEFAULT)
