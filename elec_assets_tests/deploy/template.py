"""deploy/cloudformation.yaml as data, and what it says once parameters have values."""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import yaml

from elec_assets_tests.deploy.recipe import DEPLOY

PATH = DEPLOY / "cloudformation.yaml"


class _Loader(yaml.SafeLoader):
    """Reads the short forms (`!Sub x`) as the long ones (`{"Fn::Sub": x}`)."""


def _long(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt":
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _long)


@cache
def template() -> dict[str, Any]:
    """The whole of it; 0.3 s of CPU, so it is read once. Not to be changed."""
    loaded: dict[str, Any] = yaml.load(PATH.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    return loaded


def resources(kind: str = "") -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, `S3::Bucket`."""
    found = template()["Resources"].items()
    return {name: body.get("Properties", {}) for name, body in found if body["Type"].endswith(kind)}


_NO_VALUE = {"Ref": "AWS::NoValue"}


def told(value: Any, names: Mapping[str, str], holds: Collection[str] = ()) -> Any:  # noqa: ANN401 - as YAML has it
    """A value with `Ref`, `GetAtt` and `Sub` replaced by what `names` says (`Bucket`, `Bucket.Arn`, `Prefix`).

    Of an `If` it is what stands where its condition is among `holds`; what has no value is left out.
    """
    if isinstance(value, list):
        chosen = [_chosen(item, holds) for item in value]
        return [told(item, names, holds) for item in chosen if item != _NO_VALUE]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name}:
            return names[name]
        case {"Fn::GetAtt": [name, attribute]}:
            return names[f"{name}.{attribute}"]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", lambda match: names[match[1]], text)
    chosen_of = {key: _chosen(item, holds) for key, item in value.items()}
    return {key: told(item, names, holds) for key, item in chosen_of.items() if item != _NO_VALUE}


def _chosen(value: Any, holds: Collection[str]) -> Any:  # noqa: ANN401
    while isinstance(value, dict) and "Fn::If" in value:
        condition, yes, no = value["Fn::If"]
        value = yes if condition in holds else no
    return value
