"""JSON text -> the tree of the registry, with lines (the json module tells the line of a syntax error alone)."""

import json
import re
from bisect import bisect_left

from elec_assets.domain.registry_problems import Problems, child_path
from elec_assets.domain.registry_tree import Entries, Mapping, Node, Scalar, Sequence

_WORDS = {'"': "text", "t": "bool", "f": "bool", "n": "null"}
# Numbers stay text: json would refuse to make an int of more than 4,300 digits.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_JSON_GAP = " \t\r\n,:"


def json_tree(text: str, problems: Problems) -> Node | None:
    """The tree of a JSON text; None where it is not JSON, which is then among the problems."""
    text = text.removeprefix("\ufeff")
    try:
        _DECODER.decode(text)
        return _JsonWalk(text, problems).node(0, "")[0]
    except json.JSONDecodeError as error:
        if text.strip():
            problems.add(error.lineno, "", f"not valid JSON: {error.msg} (column {error.colno})")
        else:
            problems.add(1, "", "the file is empty")
    except RecursionError:
        problems.add(1, "", "is nested too deeply")
    return None


class _JsonWalk:
    """Walks a text known to be JSON, to find the line of each value (the json module tells none)."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.text = text
        self.problems = problems
        self.breaks = [match.start() for match in re.finditer("\n", text)]

    def line(self, at: int) -> int:
        return bisect_left(self.breaks, at) + 1

    def skip(self, at: int) -> int:
        while self.text[at] in _JSON_GAP:
            at += 1
        return at

    def node(self, at: int, path: str) -> tuple[Node, int]:
        at = self.skip(at)
        first = self.text[at]
        if first == "{":
            return self.mapping(at, path)
        if first == "[":
            return self.sequence(at, path)
        value, end = _DECODER.raw_decode(self.text, at)
        kind = _WORDS.get(first, "int" if self.text[at:end].lstrip("-").isdigit() else "float")
        return Scalar(self.line(at), value if kind == "text" else self.text[at:end], kind), end

    def sequence(self, at: int, path: str) -> tuple[Sequence, int]:
        items: list[Node] = []
        end = self.skip(at + 1)
        while self.text[end] != "]":
            item, end = self.node(end, f"{path}[{len(items)}]")
            items.append(item)
            end = self.skip(end)
        return Sequence(self.line(at), tuple(items)), end + 1

    def mapping(self, at: int, path: str) -> tuple[Mapping, int]:
        entries = Entries(self.line(at), path, self.problems)
        end = self.skip(at + 1)
        while self.text[end] != "}":
            line = self.line(end)
            key, end = _DECODER.raw_decode(self.text, end)
            value, end = self.node(end, child_path(path, key))
            entries.add(key, line, value)
            end = self.skip(end)
        return entries.mapping(), end + 1
