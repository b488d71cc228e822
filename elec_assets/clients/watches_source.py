"""The list of watches as a file on disk: reads `watches.yaml`."""

from collections.abc import Mapping
from pathlib import Path

from elec_assets.domain.registry_problems import Problem, RegistryInvalid
from elec_assets.domain.watches import Watch, parse_watches

_SETTING = "the setting ELEC_WATCHES names the list of watches"


def load_watches(path: Path, *, optional: bool = False) -> tuple[Mapping[str, Watch], tuple[Problem, ...]]:
    """The watches of a file by name, and warnings about what was ignored.

    Without the file there are none, if it is `optional`: a bare installation has none.

    Raises:
        RegistryInvalid: the file is missing, is not UTF-8 text, or does not hold watches.
    """
    try:
        return parse_watches(path.read_bytes().decode("utf-8"), str(path))
    except FileNotFoundError:
        if optional:
            return {}, ()
        raise RegistryInvalid([Problem(str(path), 0, "", f"there is no such file; {_SETTING}")]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text (byte 0x{error.object[error.start]:02X}); save it as UTF-8"
        raise RegistryInvalid([Problem(str(path), line, "", message)]) from None
    except OSError as error:
        raise RegistryInvalid([Problem(str(path), 0, "", f"cannot be read: {error.strerror}; {_SETTING}")]) from None
