"""What is told to a person once: texts that differ in their numbers alone are the same thing."""

from elec_assets.capture.reporting import Said


def test_a_thing_is_told_once_whatever_its_numbers_are_now() -> None:
    """A spool that nears its cap was told every minute for hours: its bytes are part of the text (2026-11)."""
    said: list[str] = []
    once = Said(said.append)
    for used in range(19_000_000_000, 19_000_500_000, 100_000):
        once.tell(f"the spool nears its cap: {used:,} of 20,000,000,000 bytes")
    once.tell("3 batches are disputed")
    once.tell("4 batches are disputed")
    once.tell(None)
    assert said == ["the spool nears its cap: 19,000,000,000 of 20,000,000,000 bytes", "3 batches are disputed"]


def test_what_was_over_is_told_again_when_it_is_back() -> None:
    said: list[str] = []
    once = Said(said.append)
    once.now(["the store refuses: 503", "5 batches are disputed"])
    once.now(["6 batches are disputed"])
    once.now(["the store refuses: 500", "6 batches are disputed"])
    assert said == ["the store refuses: 503", "5 batches are disputed", "the store refuses: 500"]


def test_what_another_part_told_stays_told() -> None:
    said: list[str] = []
    once = Said(said.append)
    once.tell("a rule is refused")
    once.now([])
    once.tell("a rule is refused")
    assert said == ["a rule is refused"]
