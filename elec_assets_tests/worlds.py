"""Worlds of the sandbox of X, each made once in a process: their posts are what takes long in a small sandbox."""

from functools import cache

from elec_assets.sandbox.world import Scene, World


@cache
def world_of(scene: Scene) -> World:
    """The world of a scene, which keeps the posts that it has made."""
    return World(scene)
