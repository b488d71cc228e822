"""The registry as files on disk: reads `candidates.yaml` and the candidates files that it names."""

from pathlib import Path

from elec_assets.domain.registry import Candidate, Registry
from elec_assets.domain.registry_file import Problem, RegistryInvalid, parse_candidates, parse_registry


def load_registry(path: Path) -> Registry:
    """The registry of a file. A `candidates_file` in it is relative to the file.

    Raises:
        RegistryInvalid: the file is missing, is not UTF-8 text, or does not hold a valid registry.
    """
    return parse_registry(_text(path), str(path), lambda name: _read(path.parent / name))


def load_candidates(path: Path) -> dict[str, Candidate]:
    """The candidates of a 2021-form JSON file.

    Raises:
        RegistryInvalid: the file is missing, is not UTF-8 text, or does not hold candidates.
    """
    return parse_candidates(_text(path), str(path))


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def _text(path: Path) -> str:
    try:
        return _read(path)
    except FileNotFoundError:
        message = "there is no such file; name the registry with the setting ELEC_REGISTRY"
        raise RegistryInvalid([Problem(str(path), 0, "", message)]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text (byte 0x{error.object[error.start]:02X}); save it as UTF-8"
        raise RegistryInvalid([Problem(str(path), line, "", message)]) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror}; the setting ELEC_REGISTRY names the registry"
        raise RegistryInvalid([Problem(str(path), 0, "", message)]) from None
