"""What is fuzzed: each target's check, the inputs it starts from, and how they are changed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

from elec_assets_tests.fuzz import seeds
from elec_assets_tests.fuzz.mutation import Mutate, mutate_bytes, mutate_json, mutate_lines, mutate_text, mutate_yaml
from elec_assets_tests.fuzz.posts_checks import check_head, check_lines, check_page
from elec_assets_tests.fuzz.registry_checks import WORDS, check_candidates, check_matcher, check_registry
from elec_assets_tests.fuzz.store_checks import check_coverage, check_key, check_ledger, check_meta

# CPU seconds that one input may take: 64 KiB of YAML with 8,000 keys take 2.4, under atheris three times as long.
MOST_CPU_S = 15.0


class Hangs(AssertionError):
    """One input took too long."""


@dataclass(frozen=True)
class Target:
    """One reader: `check` raises AssertionError, or what the reader should not raise, on a finding."""

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    mutate: Mutate
    packages: tuple[str, ...] = ("elec_assets",)

    def run(self, data: bytes) -> None:
        """Check one input, within the time that one may take."""
        with _within(MOST_CPU_S):
            self.check(data)


TARGETS = {
    target.name: target
    for target in (
        Target("page", check_page, seeds.pages, mutate_json),
        Target("lines", check_lines, seeds.lines, mutate_lines),
        Target("head", check_head, seeds.pages, mutate_json),
        Target("sidecar", check_meta, seeds.sidecars, mutate_json),
        Target("coverage", check_coverage, seeds.coverage_rows, mutate_json),
        Target("ledger", check_ledger, seeds.ledgers, mutate_json),
        Target("key", check_key, seeds.keys, mutate_bytes),
        Target("registry", check_registry, seeds.registries, mutate_yaml, ("elec_assets", "yaml")),
        Target("candidates", check_candidates, seeds.candidate_files, mutate_json),
        Target("matcher", check_matcher, seeds.texts, partial(mutate_text, words=WORDS)),
    )
}


@contextmanager
def _within(cpu_s: float) -> Iterator[None]:
    """Raise Hangs after so many CPU seconds: the load of the machine does not count."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hangs(f"one input took over {cpu_s:.0f} CPU seconds")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
