from pathlib import Path
from random import Random

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain import registry_tree
from elec_assets.domain.registry_problems import Problems
from elec_assets.domain.registry_tree import Node, yaml_tree
from elec_assets_tests.fuzz.mutation import mutate_yaml

SHIPPED = (Path(__file__).parents[2] / "candidates.yaml").read_bytes()
SMALL = b"""\
elections:  # one
  "be_2030": {name: Belgium, rounds: [2030-06-02], 'quoted': "a\\tb"}
  fr_2027:
    text: |
      two
      lines
    empty:
    list:
      - 1
      - {a: no}
"""


def both_ways(text: str) -> tuple[Node | None, Node | None]:
    """The tree by libyaml, where it reads the text at all, and by pure Python."""
    trees: list[Node | None] = []
    for node in (registry_tree._quickly(text), slow(text)):
        problems = Problems("file")
        trees.append(None if node is None else registry_tree._YamlWalk(problems).node(node, ""))
    return trees[0], trees[1]


def slow(text: str) -> yaml.Node | None:
    try:
        return registry_tree._Loader(text).get_single_node()
    except (yaml.YAMLError, ValueError, OverflowError, registry_tree._TooDeep):
        return None


def test_the_shipped_registry_is_read_quickly_and_alike() -> None:
    quick, pure = both_ways(SHIPPED.decode())
    assert quick is not None
    assert quick == pure


@settings(deadline=None, max_examples=150)
@given(st.randoms(use_true_random=False))
def test_both_ways_of_reading_agree_on_what_both_can_read(random: Random) -> None:
    text = mutate_yaml(SMALL, random).decode(errors="replace").removeprefix("\ufeff")
    quick, pure = both_ways(text)
    assert quick == pure or quick is None or pure is None


def test_what_libyaml_cannot_read_is_told_by_the_other() -> None:
    problems = Problems("file")
    assert yaml_tree("a: [1\nb: 2", problems) is None
    assert [(p.line, p.message.startswith("not valid YAML: ")) for p in problems.ordered()] == [(2, True)]
