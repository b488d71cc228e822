"""What Kaggle lists against what was sent. Pure."""

from collections.abc import Iterable, Mapping

from elec_assets.clients.kaggle_job import SentFile

_PACKED = ".csv.gz"


def compared(files: Iterable[SentFile], found: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
    """The name by which each path is listed, and what is wrong: names missing, more than sent, other sizes.

    `x.csv` is accepted for `x.csv.gz`: Kaggle probably unpacks it (kaggle 2.2.4 knows a stage BLOBS_DECOMPRESSED);
    which of the two sizes it then tells is not known.
    """
    listed: dict[str, str] = {}
    problems: list[str] = []
    sent = list(files)
    for file in sent:
        name = _name(file.path, found)
        if name is None:
            problems.append(f"{file.path} is not listed")
            continue
        listed[file.path] = name
        allowed = {file.bytes, file.plain_bytes} if file.path.endswith(_PACKED) else {file.bytes}
        if found[name] not in allowed:
            problems.append(f"{name} has {found[name]} bytes, {' or '.join(map(str, sorted(allowed)))} were sent")
    extra = sorted(found.keys() - set(listed.values()))
    return listed, problems + [f"{name} was not sent" for name in extra]


def _name(path: str, found: Mapping[str, int]) -> str | None:
    if path in found:
        return path
    plain = path.removesuffix(".gz")
    return plain if path.endswith(_PACKED) and plain in found else None
