"""One thing that `elec doctor` looks at."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was found, and what to do."""

    name: str
    state: State
    found: str
    todo: str = ""
