"""The two engines, each run in a process of its own: hypothesis, and atheris where it is installed.

Both start from the same inputs and change them by the same mutations; atheris also keeps what reaches new code.
"""

import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

if TYPE_CHECKING:
    from elec_assets_tests.fuzz.targets import Target

INPUT = "input"
STATUS = "status.json"
# Inputs between two looks at the clock.
_ROUND = 400
_LONGEST_BYTES = 1 << 16
# Where SIGVTALRM cannot interrupt C code: libFuzzer stops the process.
_HANG_S = 60
_MOST_MIB = 4096


def cases(target: "Target") -> st.SearchStrategy[bytes]:
    """Inputs: a valid one, changed up to four times."""
    # A seed, not st.randoms(): that is twenty times as slow, and what shrinks an input is `minimizing`.
    return st.builds(_changed, st.just(target), st.sampled_from(target.seeds()), st.integers(0, 2**64 - 1))


def _changed(target: "Target", data: bytes, number: int) -> bytes:
    random = Random(number)  # noqa: S311 - nothing secret
    for _ in range(random.randint(0, 4)):
        data = target.mutate(data, random)
    return data


def run_hypothesis(name: str, seconds: float, seed: int, folder: Path) -> None:
    """Rounds of examples until the time is over. The input under test is kept, for a crash of the whole process."""
    from elec_assets_tests.fuzz.targets import TARGETS

    target, kept = TARGETS[name], folder / INPUT
    started, runs = time.monotonic(), 0

    def check(data: bytes) -> None:
        nonlocal runs
        runs += 1
        kept.write_bytes(data)
        target.run(data)

    while time.monotonic() - started < seconds:
        sized = settings(
            max_examples=_ROUND,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seeded(seed + runs)(sized(given(cases(target))(check)))()
        (folder / STATUS).write_text(json.dumps({"inputs": runs}), encoding="utf-8")
    kept.unlink(missing_ok=True)


def run_atheris(name: str, seconds: float, seed: int, folder: Path) -> None:
    """Coverage-guided inputs until the time is over; ends the process. Its corpus stays for the next time."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["elec_assets", "yaml"]):
        from elec_assets_tests.fuzz.targets import TARGETS
    target, corpus = TARGETS[name], folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(data)

    def mutate(data: bytes, longest: int, number: int) -> bytes:
        random = Random(number)  # noqa: S311 - nothing secret
        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, longest))
        return target.mutate(data, random)[:longest]

    options = {
        "max_total_time": int(seconds),
        "timeout": _HANG_S,
        "rss_limit_mb": _MOST_MIB,
        "max_len": _LONGEST_BYTES,
        "seed": seed,
        "artifact_prefix": f"{folder}/",
        "exact_artifact_path": folder / INPUT,
        "print_final_stats": 1,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], str(corpus), *flags], target.run, custom_mutator=mutate)
    atheris.Fuzz()


ENGINES = {"hypothesis": run_hypothesis, "atheris": run_atheris}


def available() -> list[str]:
    """The engines installed here: atheris has wheels for Linux on x86_64 alone."""
    found = importlib.util.find_spec("atheris") is not None
    return [*(["atheris"] if found else []), "hypothesis"]
