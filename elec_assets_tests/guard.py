"""Finds what Dagster accepts in silence: checks on missing assets, misspelt dependencies, modules nobody loads."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterator
from types import ModuleType

import dagster as dg

from elec_assets import assets

FACTORY_SUFFIX = "_asset"


def problems(definitions: dg.Definitions, expected_external: Collection[str] = ()) -> list[str]:
    """What is wrong with definitions that Dagster itself loads without a word; empty if nothing is.

    `expected_external` are the keys (`a/b/c`) of assets that others make: every other key that only a dependency
    names is a typing error.
    """
    graph = definitions.resolve_asset_graph()
    made = {key.to_user_string() for key in graph.materializable_asset_keys}
    # Dagster makes an external asset of whatever a dependency or a check names.
    external = {key.to_user_string() for key in graph.external_asset_keys}
    checks = sorted((check.asset_key.to_user_string(), check.name) for check in graph.asset_check_keys)
    missing = [(key, name) for key, name in checks if key not in made and key not in expected_external]
    found = [f"{key}: checked by {name}, and not there" for key, name in missing]
    misspelt = external - set(expected_external) - {key for key, _ in missing}
    found += [f"{key}: only a dependency names it" for key in sorted(misspelt)]
    found += [f"{key}: expected as external, and not there" for key in sorted(set(expected_external) - external)]
    loaded = {_module_of(asset) for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)}
    found += [f"{name}: makes no asset" for name in _asset_modules() if name not in loaded]
    return found


def _module_of(asset: dg.AssetsDefinition) -> str:
    decorated: Callable[..., object] = asset.op.compute_fn.decorated_fn  # type: ignore[union-attr]  # no bare function
    return decorated.__module__


def _asset_modules() -> Iterator[str]:
    for found in pkgutil.iter_modules(assets.__path__, f"{assets.__name__}."):
        if _factories(importlib.import_module(found.name)):
            yield found.name


def _factories(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in inspect.getmembers(module, inspect.isfunction)
        if name.endswith(FACTORY_SUFFIX) and value.__module__ == module.__name__
    ]
