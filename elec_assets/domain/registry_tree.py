"""YAML text -> a small tree whose every node knows its line. `registry_json.py` makes the same tree of JSON.

The tree keeps scalars as they were written (`NO` is Norway, not false); what they mean is decided in
`registry_fields.py`. Duplicate keys, which YAML loaders drop silently, are problems. Aliases (`*name`), merge keys
(`<<`) and tags of one's own (`!name`) are refused: every value stands where it counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from elec_assets.domain.registry_problems import Problems, child_path

_TAG = "tag:yaml.org,2002:"
_KINDS = {
    f"{_TAG}{tag}": kind
    for tag, kind in (
        ("str", "text"),
        ("timestamp", "text"),
        ("value", "text"),
        ("int", "int"),
        ("float", "float"),
        ("bool", "bool"),
        ("null", "null"),
    )
}
_ALIAS = "alias"
# PyYAML looks through all open levels for every token, so depth costs time: 250 levels in 64 KiB took 9 s (2026-11-22).
_DEEPEST = 50
_TOO_DEEP = f"is nested too deeply; a registry needs 8 levels, {_DEEPEST} are read"
_HINTS = {
    r"'\t'": "a tab stands where only spaces may; indent with spaces",
    "'@'": 'a value cannot begin with @; write it in quotes: "@handle"',
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as written. `kind` is text, int, float, bool, null, or refused (already reported as a problem)."""

    line: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list; `line` is that of the key it belongs to, where it has one."""

    line: int
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; `line` as for a list, `lines` where each key stands."""

    line: int
    entries: dict[str, "Node"]
    lines: dict[str, int]


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class Entries:
    """Builds a mapping, minding keys that come twice: the first counts, the others are problems."""

    line: int
    path: str
    problems: Problems
    entries: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, line: int, value: Node) -> None:
        """Take one key, the line it stands on, and its value."""
        if key in self.lines:
            message = f"is written twice; the first is on line {self.lines[key]}"
            self.problems.add(line, child_path(self.path, key), message)
            return
        self.lines[key] = line
        self.entries[key] = value if isinstance(value, Scalar) else replace(value, line=line)

    def mapping(self) -> Mapping:
        """The mapping of all keys taken."""
        return Mapping(self.line, self.entries, self.lines)


def yaml_tree(text: str, problems: Problems) -> Node | None:
    """The tree of a YAML text; None where it is empty or not YAML, which is then among the problems."""
    node = _compose(text.removeprefix("\ufeff"), problems)
    if node is None:
        return None
    return _YamlWalk(problems).node(node, "")


class _TooDeep(Exception):
    """There are more levels than are read; holds the line."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


class _Composing(Composer):
    """Composes nodes; an alias becomes a scalar marked as such, to be refused on its own line."""

    depth = 0
    # Of the parser, whichever it is.
    check_event: Callable[..., bool]
    peek_event: Callable[[], Any]
    get_event: Callable[[], Any]

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if not self.check_event(yaml.AliasEvent):
            if self.depth == _DEEPEST:
                raise _TooDeep(self.peek_event().start_mark.line + 1)
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node
        event = self.get_event()
        return yaml.ScalarNode(_ALIAS, event.anchor, event.start_mark, event.end_mark)


class _Loader(_Composing, yaml.SafeLoader):
    """In pure Python: its errors say most."""


def _quickly(text: str) -> yaml.Node | None:
    """The nodes by libyaml, in an eighth of the time (12 for 94 ms of each run, 2026-11-22); None where it cannot."""
    if not yaml.__with_libyaml__:
        return None
    from yaml._yaml import CParser

    class Loader(_Composing, CParser, Resolver):
        def __init__(self) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

    try:
        return Loader().get_single_node()
    except (yaml.YAMLError, ValueError, OverflowError, _TooDeep):
        return None


def _compose(text: str, problems: Problems) -> yaml.Node | None:
    quick = _quickly(text)
    if quick is not None:
        return quick
    line = 1
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            line = loader.line + 1
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add(line, "", f"not valid YAML: the character U+{ord(text[error.position]):04X} is not allowed")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(mark.line + 1 if mark else 1, "", f"not valid YAML: {_explain(error)}")
    except (ValueError, OverflowError):
        # PyYAML lets these through for an escape such as "\UFFFFFFFF" and for a %YAML version of 5,000 digits.
        problems.add(line, "", "not valid YAML: an escape or a version names something that does not exist")
    except _TooDeep as error:
        problems.add(error.line, "", _TOO_DEEP)
    else:
        if node is None:
            problems.add(1, "", "the file is empty")
        return node
    return None


def _explain(error: yaml.MarkedYAMLError) -> str:
    said = " ".join((error.problem or error.context or "it cannot be read").split())
    return next((hint for sign, hint in _HINTS.items() if sign in said), said)


@dataclass(frozen=True, slots=True)
class _YamlWalk:
    problems: Problems

    def node(self, node: yaml.Node, path: str) -> Node:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self.mapping(node, line, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            items = (self.node(item, f"{path}[{index}]") for index, item in enumerate(node.value))
            return Sequence(line, tuple(items))
        if isinstance(node, yaml.ScalarNode) and node.tag in _KINDS:
            return Scalar(line, node.value, _KINDS[node.tag])
        if node.tag == _ALIAS:
            self.problems.add(line, path, f"the alias *{node.value} is not allowed; write the value out")
        else:
            self.problems.add(line, path, f"the tag {node.tag!a} is not allowed; write the value without it")
        return Scalar(line, "", "refused")

    def mapping(self, node: yaml.MappingNode, line: int, path: str) -> Mapping:
        entries = Entries(line, path, self.problems)
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == _ALIAS:
                self.problems.add(at, path, "a key must be a single word")
            elif key.tag == f"{_TAG}merge":
                self.problems.add(at, path, "the merge key << is not allowed; write the values out")
            else:
                entries.add(key.value, at, self.node(value, child_path(path, key.value)))
        return entries.mapping()
