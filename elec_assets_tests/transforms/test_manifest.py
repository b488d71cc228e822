"""The manifest: its hash, its form, and a directory held against it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.transforms.manifest import (
    FileEntry,
    Manifest,
    ManifestInvalid,
    content_hash,
    decode_manifest,
    differences,
    encode_manifest,
    file_sha256,
    make_manifest,
    read_manifest,
)

PATHS = st.lists(st.sampled_from(["a", "b_1", "2027_05.csv", "x.csv.gz", "fr"]), min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(min_size=1, max_size=20), min_size=1, max_size=6)


def entry(path: str, data: bytes) -> FileEntry:
    sha256 = hashlib.sha256(data).hexdigest()
    return FileEntry(path=path, sha256=sha256, bytes=len(data), plain_sha256=sha256, plain_bytes=len(data))


def manifest_of(files: dict[str, bytes]) -> Manifest:
    return make_manifest("2027_05", [entry(*item) for item in files.items()], profile="public")


@given(FILES)
def test_a_manifest_survives_its_bytes_and_ends_in_its_hash(files: dict[str, bytes]) -> None:
    made = manifest_of(files)
    assert decode_manifest(encode_manifest(made)) == made
    assert made.release_id == f"2027_05-{made.content_sha256[:8]}"
    assert made.total_bytes == sum(map(len, files.values()))


@given(FILES)
def test_the_order_of_files_changes_nothing_and_any_byte_or_name_does(files: dict[str, bytes]) -> None:
    entries = [entry(*item) for item in files.items()]
    assert content_hash(reversed(entries)) == content_hash(entries)
    path, data = next(iter(files.items()))
    assert content_hash([*entries[1:], entry(path, data + b"x")]) != content_hash(entries)
    assert content_hash([*entries[1:], entry(path + "x", data)]) != content_hash(entries)


def test_the_content_hash_is_the_sha256_of_sorted_lines_of_path_and_hash() -> None:
    a, b = entry("b.csv", b"1"), entry("a/c.csv", b"2")
    lines = f"a/c.csv {b.sha256}\nb.csv {a.sha256}\n"
    assert content_hash([a, b]) == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: msgspec.structs.replace(m, content_sha256="0" * 64), "content_sha256 is 0000"),
        (lambda m: msgspec.structs.replace(m, release_id="2027_05-00000000"), "release_id is '2027_05-00000000'"),
        (lambda m: msgspec.structs.replace(m, release_id=f"2027-05-{m.content_sha256[:8]}"), "release_id is '2027-05-"),
        (lambda m: msgspec.structs.replace(m, version=2), "version 2, this program reads up to 1; upgrade"),
        (lambda m: msgspec.structs.replace(m, files=m.files[::-1]), "sorted by path"),
    ],
)
def test_a_manifest_that_is_not_true_to_itself_is_refused(spoil: Callable[[Manifest], Manifest], reason: str) -> None:
    made = manifest_of({"a.csv": b"1", "b.csv": b"2"})
    with pytest.raises(ManifestInvalid, match=reason):
        decode_manifest(encode_manifest(spoil(made)))


@pytest.mark.parametrize(
    "path", [".hidden", "a/../b", "/a", "a//b", "manifest.json", "dataset-metadata.json", "a b", "é.csv", "a/"]
)
def test_a_path_that_no_store_or_listing_takes_is_refused(path: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"the path .* is not allowed"):
        manifest_of({path: b"1"})


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 5000, b'{"release_id": "x", "odd": 1}'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestInvalid, match=r"manifest\.json: not a manifest"):
        decode_manifest(content)


def test_a_directory_without_a_manifest_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match=r"manifest\.json: cannot be read .*; stage a release"):
        read_manifest(tmp_path)


FOUND = {"README.md": b"read", "fr/a.csv": b"a\n1\n"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for path, data in FOUND.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / "manifest.json").write_bytes(encode_manifest(manifest_of(FOUND)))
    (tmp_path / "dataset-metadata.json").write_text("{}")
    return tmp_path


def test_a_directory_that_is_its_manifest_has_no_differences(directory: Path) -> None:
    assert differences(directory, read_manifest(directory)) == []
    assert file_sha256(directory / "README.md") == hashlib.sha256(b"read").hexdigest()


@pytest.mark.parametrize(
    ("spoil", "difference"),
    [
        (lambda d: (d / "README.md").unlink(), "README.md: missing"),
        (lambda d: (d / "README.md").write_bytes(b"dear"), "README.md: sha256 is "),
        (lambda d: (d / "README.md").write_bytes(b"ready"), "README.md: 5 bytes, the manifest says 4"),
        (lambda d: (d / "README.md").write_bytes(b""), "README.md: empty"),
        (lambda d: (d / "fr/.a.csv.swp").write_bytes(b"x"), "fr/.a.csv.swp: not in the manifest"),
        (lambda d: (d / "fr/b.csv").symlink_to(d / "fr/a.csv"), "fr/b.csv: not in the manifest"),
        (lambda d: (d / "README.md").rename(d / "x") and (d / "README.md").symlink_to(d / "x"), "README.md: a link"),
        (lambda d: (d / "manifest.json").write_bytes(b"{}"), "manifest.json: is not the manifest of this release"),
        (lambda d: (d / "manifest.json").unlink(), "manifest.json: missing"),
    ],
)
def test_every_difference_is_told_by_its_path(
    directory: Path, spoil: Callable[[Path], object], difference: str
) -> None:
    manifest = read_manifest(directory)
    spoil(directory)
    assert any(text.startswith(difference) for text in differences(directory, manifest))
