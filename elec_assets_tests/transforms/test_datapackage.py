"""What describes a release to machines: the data package, Croissant, Kaggle's form; of every file and column."""

import json
from pathlib import Path

from elec_assets.clients.kaggle_metadata import decode_metadata
from elec_assets.domain.tables import COVERAGE, TABLES, TWEET_IDS
from elec_assets.transforms.croissant import CONTEXT, croissant
from elec_assets.transforms.datapackage import columns_of, datapackage, kaggle_metadata
from elec_assets.transforms.gate import Release, compare
from elec_assets_tests.transforms.releases import ELECTION, staged

IDS = f"{ELECTION}/twitter/2027_05.csv.gz"


def test_the_data_package_describes_every_table_file(tmp_path: Path) -> None:
    manifest = staged(tmp_path)
    package = json.loads(datapackage(manifest.files, "elections", "Elections", "other"))
    resources = {r["path"]: r for r in package["resources"]}
    assert set(resources) == {e.path for e in manifest.files if e.table}
    assert len({r["name"] for r in package["resources"]}) == len(resources)
    ids = resources[IDS]
    assert (ids["compression"], ids["schema"]["primaryKey"]) == ("gz", ["tweet_id"])
    assert [f["name"] for f in ids["schema"]["fields"]] == list(TWEET_IDS.names)
    assert all(not path.startswith(("/", "..")) and (tmp_path / path).stat().st_size == r["bytes"]
               for path, r in resources.items())  # fmt: skip
    fields = {f["name"]: f for f in resources[f"{ELECTION}/coverage/2027_05.csv.gz"]["schema"]["fields"]}
    assert fields["window_start"]["type"] == "datetime"
    assert fields["planned_s"]["constraints"] == {"required": True}
    assert "constraints" not in fields["area"]


def test_the_gate_reads_columns_back_from_the_data_package(tmp_path: Path) -> None:
    manifest = staged(tmp_path)
    columns = columns_of(datapackage(manifest.files, "elections", "Elections", "other"))
    assert [name for name, _ in columns["coverage"]] == list(COVERAGE.names)
    assert set(columns) == {e.table for e in manifest.files if e.table}
    assert compare(Release(manifest, columns), None) == []


def test_croissant_has_one_record_set_a_history_with_every_column(tmp_path: Path) -> None:
    manifest = staged(tmp_path)
    made = json.loads(
        croissant(
            manifest.files, title="Elections", description="d", url="https://x.example", cite="c", day="2027-02-07"
        )
    )
    assert made["@context"] == CONTEXT
    files = {f["@id"]: f for f in made["distribution"]}
    assert set(files) == {e.path for e in manifest.files if e.table and not e.path.endswith(".gz")}
    for path, described in files.items():
        assert (tmp_path / "meta" / described["contentUrl"]).resolve() == (tmp_path / path).resolve()
    named = {r["@id"]: [f["name"] for f in r["field"]] for r in made["recordSet"]}
    assert named[f"{ELECTION}/twitter"] == list(TWEET_IDS.names)
    every = [made["recordSet"][0]["@id"], *(f["@id"] for r in made["recordSet"] for f in r["field"])]
    assert len(set(every)) == len(every)


def test_kaggles_form_is_one_that_the_publisher_takes(tmp_path: Path) -> None:
    manifest = staged(tmp_path)
    form = kaggle_metadata(
        manifest.files,
        title="Elections on X and Google",
        subtitle="What people say and search about candidates",
        card="# Elections\n\n![Coverage](meta/coverage.svg)\n",
        licence="other",
        private=False,
        keywords=["politics"],
        frequency="weekly",
        sources="X and Google Trends",
    )
    read = decode_metadata(form, manifest)
    assert json.loads(form)["description"] == "# Elections\n\nThe picture is in `meta/coverage.svg`.\n"
    described = {info.path: [c.name for c in info.schema.fields] for info in read.resources}
    assert set(described) == {e.path for e in manifest.files if e.table}
    assert all(
        names == list(TABLES[str(e.table)].names) for e in manifest.files if e.table for names in [described[e.path]]
    )
