"""The unmodified `kaggle` command (2.2.4) against the sandbox, and what the sandbox refuses."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from elec_assets.sandbox.faults import load_faults
from elec_assets.sandbox.kaggle_api import KEY, USERNAME, KaggleOptions
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import command_environment, start_kaggle
from elec_assets_tests.clients.kaggle_plain import FILES, Plain
from elec_assets_tests.clients.kaggle_staging import DATASET, SLUG

OWNER = {"ownerSlug": USERNAME, "datasetSlug": SLUG}


class Api:
    """Calls as JSON over HTTP, with the sandbox's credentials."""

    def __init__(self, server: KaggleServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.auth = (USERNAME, KEY)

    def call(self, method: str, body: dict[str, Any], service: str = "datasets.DatasetApiService") -> requests.Response:
        return self.session.post(f"{self.server.url}/api/v1/{service}/{method}", json=body, timeout=10)

    def ask(self, method: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        answer = self.call(method, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def start(self, name: str, length: int, kind: str = "DATASET") -> dict[str, str]:
        body = {"type": kind, "name": name, "contentLength": length}
        made = self.call("StartBlobUpload", body, "blobs.BlobApiService").json()
        assert isinstance(made, dict)
        return made

    def upload(self, name: str, data: bytes, kind: str = "DATASET") -> str:
        made = self.start(name, len(data), kind)
        assert requests.put(made["createUrl"], data=data, timeout=10).status_code == 200
        return made["token"]

    def dataset(self, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        return {
            "ownerSlug": USERNAME,
            "slug": SLUG,
            "title": "Elections on X",
            "licenseName": "CC0-1.0",
            "isPrivate": True,
            "files": [{"token": self.upload("README.md", b"hello")}],
            **changed,
        }


@pytest.fixture
def server() -> Iterator[KaggleServer]:
    with start_kaggle(options=KaggleOptions(ready_after=0)) as made:
        yield made


@pytest.fixture
def api(server: KaggleServer) -> Iterator[Api]:
    made = Api(server)
    yield made
    made.session.close()


def test_the_plain_command_creates_versions_lists_downloads_and_describes(tmp_path: Path) -> None:
    with start_kaggle(options=KaggleOptions(ready_after=1, max_page=2)) as server:
        plain = Plain(server, tmp_path / "plain")
        code, said = plain.create()
        assert (code, "private Dataset is being created" in said) == (0, True)
        assert plain.run("datasets", "status", DATASET) == (0, "individual_blobs_compressed")
        assert plain.run("datasets", "status", DATASET) == (0, "ready")
        plain.write({"c.csv": b"d\n4\n"})
        assert plain.version()[0] == 0
        assert plain.run("datasets", "status", DATASET)[0] == 0
        code, said = plain.run("datasets", "files", DATASET, "--csv")
        assert (code, said.splitlines()[0]) == (0, "Next Page Token = 2")
        code, said = plain.run("datasets", "files", DATASET, "--csv", "--page-token", "2")
        assert [line.partition(",")[0] for line in said.splitlines()[1:]] == ["b.csv", "c.csv"]
        there = tmp_path / "there"
        assert plain.run("datasets", "download", DATASET, "-p", str(there), "--unzip", "-q")[0] == 0
        assert {p.name: p.read_bytes() for p in there.iterdir()} == {**FILES, "c.csv": b"d\n4\n"}
        assert plain.run("datasets", "download", DATASET, "-f", "a.csv", "-p", str(tmp_path / "one"), "-q")[0] == 0
        assert (tmp_path / "one" / "a.csv").read_bytes() == FILES["a.csv"]
        assert plain.run("datasets", "metadata", DATASET, "-p", str(tmp_path / "form"))[0] == 0
        form = json.loads((tmp_path / "form" / "dataset-metadata.json").read_text(encoding="utf-8"))
        assert form["info"]["title"] == "Elections on X"
        assert plain.run("datasets", "metadata", DATASET, "-p", str(tmp_path / "form"), "--update")[0] == 0


def test_the_command_in_a_process_of_its_own_needs_only_the_named_variables(
    server: KaggleServer, tmp_path: Path
) -> None:
    environment = {**command_environment(server), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    argv = [sys.executable, "-m", "kaggle", "datasets", "status", DATASET]
    made = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60)
    assert (made.returncode, "was not found" in made.stderr) == (1, True)
    assert [r.call for r in server.requests] == ["GetDatasetStatus"]


def test_nested_directories_are_kept_with_descriptions_and_columns(api: Api) -> None:
    column = {"order": 0, "name": "a", "type": "integer", "description": "one"}
    deep = {"token": api.upload("x.csv", b"a\n1\n"), "description": "numbers", "columns": [column]}
    made = api.ask(
        "CreateDataset", api.dataset(directories=[{"name": "fr", "directories": [{"name": "2027", "files": [deep]}]}])
    )
    assert (made["status"], made["ref"]) == ("Ok", DATASET)
    listed = api.ask("ListDatasetFiles", OWNER)["datasetFiles"]
    assert [(f["name"], f["totalBytes"], f["description"]) for f in listed] == [
        ("README.md", 5, ""),
        ("fr/2027/x.csv", 4, "numbers"),
    ]


def test_a_person_finds_the_files_of_each_version_on_the_page_of_a_dataset(api: Api) -> None:
    """The demo linked to kaggle.com, where nothing is of what it had published in the sandbox."""
    directory = {"name": "fr 2027", "files": [{"token": api.upload("x & y.csv", b"a\n1\n")}]}
    api.ask("CreateDataset", api.dataset(title="Elections <on> X", directories=[directory]))
    body = {"versionNotes": "two", "files": [{"token": api.upload("README.md", b"again")}]}
    api.ask("CreateDatasetVersion", {**OWNER, "body": body})
    shown = api.session.get(f"{api.server.url}/datasets/{DATASET}", timeout=10)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Elections &lt;on&gt; X</h1>" in shown.text
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', shown.text)]
    # Newest version first, files by name; as in downloads of Kaggle, without any credentials.
    found = [requests.get(f"{api.server.url}{link}", timeout=10).content for link in links]
    assert found == [b"again", b"hello", b"a\n1\n"]
    assert requests.get(f"{api.server.url}/datasets/{USERNAME}/another", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"title": "short"}, "title must be between 6 and 50"),
        ({"title": "x" * 51}, "title must be between 6 and 50"),
        ({"slug": "short"}, "slug must be between 6 and 50"),
        ({"subtitle": "too short"}, "Subtitle length must be between 20 and 80"),
        ({"licenseName": "WTFPL"}, "one known license"),
        ({"files": [{"token": "none"}]}, "token is not known"),
        ({"files": [], "directories": [{"name": f"d{n}"} for n in range(51)]}, "up to 50 top-level"),
        ({"directories": [{"name": "a/b"}]}, "no name of a folder"),
    ],
)  # fmt: skip
def test_what_kaggle_does_not_take_comes_as_status_200_with_an_error(
    api: Api, changed: dict[str, Any], error: str
) -> None:
    made = api.ask("CreateDataset", api.dataset(**changed))
    assert made["status"] == "Error"
    assert error in made["error"]
    assert api.server.state.datasets == {}


def test_a_token_is_good_once_and_only_when_its_upload_is_complete(api: Api) -> None:
    token = api.upload("a.csv", b"a\n")
    twice = api.ask("CreateDataset", api.dataset(files=[{"token": token}, {"token": token}]))
    assert "is there twice" in twice["error"]
    assert api.ask("CreateDataset", api.dataset(files=[{"token": token}]))["status"] == "Ok"
    again = api.ask("CreateDatasetVersion", {**OWNER, "body": {"files": [{"token": token}]}})
    assert "already used" in again["error"]
    begun = api.start("b.csv", 5)["token"]
    unfinished = api.ask("CreateDatasetVersion", {**OWNER, "body": {"files": [{"token": begun}]}})
    assert "not complete" in unfinished["error"]


def test_an_upload_of_another_size_is_refused(api: Api) -> None:
    made = api.start("a.csv", 5)
    assert requests.put(made["createUrl"], data=b"six by", timeout=10).status_code == 400


def test_a_cut_upload_says_how_far_it_is_and_takes_the_rest(api: Api) -> None:
    api.server.faults.add(KaggleFault(path="/upload/*", take=3))
    address = api.start("a.csv", 6)["createUrl"]
    with pytest.raises(requests.ConnectionError):
        requests.put(address, data=b"abcdef", timeout=10)
    asked = requests.put(address, headers={"Content-Range": "bytes */6"}, timeout=10)
    assert (asked.status_code, asked.headers["Range"]) == (308, "bytes=0-2")
    rest = requests.put(address, data=b"def", headers={"Content-Range": "bytes 3-5/6"}, timeout=10)
    assert rest.status_code == 200
    assert next(iter(api.server.state.blobs.values())).data == b"abcdef"


def test_only_the_account_may_ask_and_only_for_its_own(api: Api) -> None:
    stranger = requests.post(f"{api.server.url}/api/v1/datasets.DatasetApiService/GetDataset", json=OWNER, timeout=10)
    assert (stranger.status_code, stranger.json()["code"]) == (401, 401)
    assert api.call("CreateDataset", api.dataset(ownerSlug="other")).status_code == 403
    assert api.call("GetDataset", OWNER).status_code == 404
    assert api.call("DeleteDataset", OWNER).status_code == 404


def test_a_taken_title_and_a_dataset_of_another_type_are_refused(api: Api) -> None:
    api.ask("CreateDataset", api.dataset())
    assert "already in use" in api.ask("CreateDataset", api.dataset(slug="another-slug"))["error"]
    api.server.dataset(SLUG).kind = "REMOTE_URL_FILE_SET"
    assert api.ask("CreateDatasetVersion", {**OWNER, "body": {}})["error"] == "Incompatible Dataset Type"


def test_keywords_that_are_no_tags_are_told_and_left_out(api: Api) -> None:
    made = api.ask("CreateDataset", api.dataset(categoryIds=["politics", "nonsense"]))
    assert made["invalidTags"] == ["nonsense"]
    assert api.ask("GetDatasetMetadata", OWNER)["info"]["keywords"] == ["politics"]


def test_a_version_is_not_listed_before_it_is_ready_and_other_statuses_can_be_scripted(tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    script.write_text(
        '[{"path": "*/GetDatasetStatus", "dataset_status": "FAILED"}, {"path": "*/GetDataset", "stale": true}]'
    )
    with start_kaggle(options=KaggleOptions(ready_after=1), faults=load_faults(script, KaggleFault)) as server:
        api = Api(server)
        api.ask("CreateDataset", api.dataset())
        assert api.call("ListDatasetFiles", OWNER).status_code == 404
        assert [api.ask("GetDatasetStatus", OWNER)["status"] for _ in range(3)] == [
            "FAILED",
            "INDIVIDUAL_BLOBS_COMPRESSED",
            "READY",
        ]
        assert api.ask("GetDataset", OWNER)["versions"] == []
        assert api.ask("GetDataset", OWNER)["currentVersionNumber"] == 1
        assert len(api.ask("ListDatasetFiles", OWNER)["datasetFiles"]) == 1
        api.session.close()


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ('{"dataset_status": "DONE"}', "dataset_status is 'DONE', must be one of NOT_YET_PERSISTED"),
        ('{"take": -1}', "take must be 0 or more"),
        ('{"preset": "teapot"}', "preset is 'teapot', must be one of unauthorized"),
        ('{"stole": true}', "stole is not known"),
    ],
)
def test_a_script_with_an_unknown_fault_is_refused_naming_it(tmp_path: Path, entry: str, reason: str) -> None:
    script = tmp_path / "faults.json"
    script.write_text(f"[{entry}]")
    with pytest.raises(ValueError, match=rf"faults\.json: fault 1: {reason}"):
        load_faults(script, KaggleFault)


def test_packed_csv_is_listed_and_served_unpacked_if_so_told() -> None:
    packed = gzip.compress(b"a\n1\n")
    for decompress, name, data in ((False, "x.csv.gz", packed), (True, "x.csv", b"a\n1\n")):
        with start_kaggle(options=KaggleOptions(ready_after=0, decompress=decompress)) as server:
            api = Api(server)
            api.ask("CreateDataset", api.dataset(files=[{"token": api.upload("x.csv.gz", packed)}]))
            listed = api.ask("ListDatasetFiles", OWNER)["datasetFiles"]
            assert [(f["name"], f["totalBytes"]) for f in listed] == [(name, len(data))]
            whole = api.call("DownloadDataset", OWNER).content
            with zipfile.ZipFile(io.BytesIO(whole)) as archive:
                assert {n: archive.read(n) for n in archive.namelist()} == {name: data}
            api.session.close()


def test_a_metadata_update_replaces_everything_and_refuses_what_a_creation_would(api: Api) -> None:
    api.ask("CreateDataset", api.dataset(description="A card"))
    short = {"title": "short", "licenses": [{"name": "CC0-1.0"}]}
    assert "between 6 and 50" in api.ask("UpdateDatasetMetadata", {**OWNER, "settings": short})["errors"][0]
    assert api.ask("GetDatasetMetadata", OWNER)["info"]["description"] == "A card"
    good = {**short, "title": "Elections", "image": {"token": api.upload("c.png", b"p", "INBOX")}}
    assert api.ask("UpdateDatasetMetadata", {**OWNER, "settings": good})["errors"] == []
    info = api.ask("GetDatasetMetadata", OWNER)["info"]
    assert (info["title"], info["description"], info["isPrivate"]) == ("Elections", "", False)
    assert api.ask("UpdateDatasetMetadata", {**OWNER, "settings": good})["errors"] == [
        "The upload of c.png was already used"
    ]
