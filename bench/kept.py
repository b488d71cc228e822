"""Folders of input that are made once and kept: whole, or not there."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def made(folder: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the name of `folder` at the end of the context.

    Two processes may make the same one at once: the second drops its own. Nothing stays of one that raised.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as making:
        yield Path(making)
        try:
            Path(making).rename(folder)
        except OSError:
            if not folder.exists():
                raise
