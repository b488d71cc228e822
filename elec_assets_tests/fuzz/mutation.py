"""Valid documents made wrong: in the JSON tree, in YAML lines, and in bytes. One source for both engines."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

Mutate = Callable[[bytes, Random], bytes]

# Written as they are: what no dumper would write, and what readers differ on.
RAW_JSON = (
    *("null", "true", "false", "0", "-0", "-1", "3", "3.0", "3.5", "1e2", "1e400", "1E+3", "1e30", "01", "NaN", "nul"),
    *("Infinity", "9007199254740993.0", "9223372036854775807", "9223372036854775808", "1" * 25, "1" * 5000, "[]"),
    *("{}", "[[]]", "[null]", "{", "]", '""', '" "', '"3"', '"3.0"', '"null"', '"٣"', '"1\\n"', '"\\ud83d"', '"\\q"'),
    *('"\\ude00\\ud83d"', '"\\ud83d\\ude00"', '"\\u0000"', '"\x01"', '"é"', '"e\u0301"', '"2027-02-30T00:00:00Z"'),
    *('"2027-02-01T23:59:60Z"', '"0001-01-01T00:00:00+10:00"', '"9999-12-31T23:59:59.999999-10:00"', '"0"', '"00"'),
    *('"2022-09-25T23:59:59.000Z"', '"2022-09-25T23:59:59.1239Z"', '"1100000000"', '"9999999999999999999"'),
    *('{"id":"1","id":"2"}', "[" * 60 + "]" * 60, '"RT @a: b…"', '"…"', '"RT @a_b: "'),
)
BYTES = (
    *(b"\xff", b"\xed\xa0\xbd", b"\xc0\x80", b"\x00", b"\xef\xbb\xbf", b"\r\n", b"\n", b",", b"{", b"}", b"[", b"]"),
    *(b'"', b"\\", b"\\u", b"null", b"[" * 200, b'{"a":' * 200, b"]", b":", b"\x1f\x8b", b"\xe2\x80\xa8", b"//"),
)
YAML_LINES = (
    *("\t", "&a [*a]", "&a a: *a", "<<: {name: x}", "<<: *a", "---", "...", "%YAML 1.2", "%YAML 9.9", "%TAG ! tag:x,"),
    *("? [a]", "? a\n: b", "1: 2", "null: 3", "~: 4", "true: 5", "2027-01-01: x", "- a", "|", ">-", "# c", "''", '"'),
    *("note: said", "terms: [a]", "exclude: [b]", "since: 2027-02-30", "until: 2027-03-28 02:30", "!!binary aGk=: 1"),
    *("name: &a [x, *a]", "a: " + "[" * 80, "b: " + "{a: " * 80, "{" * 300, "\ufeff", "a: |2\n  b", "'a\n b'"),
)
YAML_VALUES = (
    *("", "~", "null", "NO", "yes", "0x1F", "0o17", "1_000", "1:30", ".inf", ".nan", "NaN", "-1", "1", "01", "1.0"),
    *("2027-02-30", "2027-04-11", "2027-13-01", "2027-04-11 20:00", "2027-04-11T20:00:00Z", "9999-12-31", "0001-01-01"),
    *("[]", "{}", "[a, a]", "[a, A]", "[null]", "[[a]]", "{a: b}", "!!str 1", "!!int x", "!!set {a}", "!x y", "!!null"),
    *("*a", "&a b", "<<", "=", "|", ">", "@a", '"@a"', "`", "%", "'", '"\\uD800"', '"\\x00"', '"\\UFFFFFFFF"', '"\\e"'),
    *("\ufeff", "\u0085", "\u2028", "e\u0301", "\U0001f339", "ﬁ", "İ", "ß", "a" * 600, "9" * 5000, "-", "? a", "#Vote"),
    *("[" + ", ".join(f"term {i} of some length" for i in range(60)) + "]", "3h", "99999h", "0s", "1e3", "Europe/Oslo"),
    *("[" + ", ".join(f"element{i:03}" for i in range(150)) + "]", "continuous", "{slots: 60, seconds: 60}", "'@a b'"),
    *("{every: 5min, for: 5min}", "{from: 2027-01-01, to: 2027-01-02}", "[{value: 0}, {from: 2027-01-01, value: 1}]"),
    *("[{value: 0}, {from: 2027-01-01, value: 1}, {from: 2026-01-01, value: 0}]", "/m/0abc", "FR", "US-NY", "[fr, en]"),
)


class Raw:
    """JSON text that stands in a tree as it is."""

    def __init__(self, text: str) -> None:
        self.text = text


# JSON


def mutate_json(data: bytes, random: Random) -> bytes:
    """A JSON document with up to three changes to its tree; bytes are changed where it is not JSON."""
    try:
        root = [json.loads(data)]
        if random.random() < 0.2:
            return mutate_bytes(data, random)
        for _ in range(random.randint(1, 3)):
            _change(root, random)
    except (ValueError, RecursionError):  # no JSON, or nested without end
        return mutate_bytes(data, random)
    return written(root[0], random).encode("utf-8", "surrogatepass")


def mutate_lines(data: bytes, random: Random) -> bytes:
    """Stream lines: one changed, dropped, cut or doubled."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    if random.random() < 0.8:
        lines[at] = mutate_json(lines[at], random)
    else:
        lines[at : at + 1] = random.choice(
            [[], [lines[at]] * 2, [b"\r", lines[at]], [lines[at][: len(lines[at]) // 2]]]
        )
    return b"\n".join(lines)


def _change(root: list[Any], random: Random) -> None:
    """One change, in place, anywhere below the list."""
    places = list(_places(root))
    within, key = random.choice(places)
    kind = random.randrange(6)
    if kind <= 1:
        within[key] = Raw(random.choice(RAW_JSON))
    elif kind == 2:
        del within[key]
        if not root:
            root.append({})
    elif kind == 3:
        other, of = random.choice(places)
        within[key] = deepcopy(other[of]) if other is not root else None
    elif kind == 4 and isinstance(within, dict):
        renamed = key.replace("tweet", "post") if "tweet" in key else random.choice(("x", key.upper(), "posts", "id"))
        within[renamed] = within.pop(key)
    elif isinstance(within, list) and within is not root:
        within.insert(key, within[key])
    else:
        within[key] = [within[key]]


def _places(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Every (container, key) at or below a container."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def written(node: Any, random: Random, depth: int = 0) -> str:  # noqa: ANN401 - any JSON
    """JSON text of a tree, now and then with white space, escapes or a key written twice."""
    if isinstance(node, Raw):
        return node.text
    if depth > 60 or not isinstance(node, dict | list):
        return json.dumps(node if depth <= 60 else None, ensure_ascii=random.random() < 0.5)
    if isinstance(node, list):
        return "[" + ",".join(written(item, random, depth + 1) for item in node) + "]"
    members = []
    for key, value in node.items():
        name = json.dumps(key)
        if key and key.isalpha() and random.random() < 0.01:
            name = f'"\\u{ord(key[0]):04x}{key[1:]}"'
        members.append(f"{name}:{' ' if random.random() < 0.05 else ''}{written(value, random, depth + 1)}")
    if members and random.random() < 0.02:
        members.append(random.choice(members))
    return "{" + ",".join(members) + "}"


# YAML


def mutate_yaml(data: bytes, random: Random) -> bytes:
    """A YAML text with up to three lines changed; sometimes only its bytes."""
    if random.random() < 0.2:
        return mutate_bytes(data, random)
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(random.randint(1, 3)):
        _change_line(lines, random)
    text = random.choice(["\n"] * 8 + ["\r\n", "\r"]).join(lines)
    return ("\ufeff" + text if random.random() < 0.03 else text).encode("utf-8", "surrogatepass")


def _change_line(lines: list[str], random: Random) -> None:
    at = random.randrange(len(lines))
    line = lines[at]
    indent = line[: len(line) - len(line.lstrip())]
    kind = random.randrange(6)
    if kind <= 1 and ":" in line:
        lines[at] = f"{line.partition(':')[0]}: {random.choice(YAML_VALUES)}"
    elif kind == 2:
        lines[at : at + 1] = [] if len(lines) > 1 else [""]
    elif kind == 3:
        lines.insert(at, indent + random.choice(YAML_LINES))
    elif kind == 4:
        lines.insert(random.randrange(len(lines) + 1), line)
    else:
        lines[at] = random.choice(["  " + line, line[1:], line + random.choice(YAML_VALUES), "\t" + line, line * 2])


# Bytes


def mutate_bytes(data: bytes, random: Random) -> bytes:
    """Up to three ranges replaced: by nothing, by a token, by themselves twice, or by other bytes."""
    for _ in range(random.randint(1, 3)):
        start = random.randint(0, len(data))
        end = min(len(data), start + random.choice((0, 1, 1, 2, 8, 64)))
        new = random.choice((b"", random.choice(BYTES), data[start:end] * 2, bytes([random.randrange(256)])))
        data = data[:start] + new + data[end:]
    return data


def mutate_text(data: bytes, random: Random, words: Sequence[str]) -> bytes:
    """A text with a few words put in, in any case and normal form, or with bytes changed."""
    if random.random() < 0.1:
        return mutate_bytes(data, random)
    text = data.decode("utf-8", "replace")
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(text))
        cut = random.choice((0, 0, 1, 5))
        text = text[:at] + random.choice(words) + text[at + cut :]
    return text.encode("utf-8", "surrogatepass")
