"""Small files that survive a power cut: written whole, synced, and put in their place at once."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make durable which names a folder holds.

    Raises:
        OSError: the file system refused.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing, durably.

    Raises:
        OSError: the file system refused.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a file: after a crash it holds what it held, or the data, never a part. One writer at a time.

    Not `durable`: a power cut may leave it as it was, or empty; a killed process does not.

    Raises:
        OSError: the file system refused; what was there before is there.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temporary.replace(path)
    if durable:
        sync_folder(path.parent)
