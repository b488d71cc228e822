"""A staged release opens, whole and with the same values, in what people read data with."""

import gc
import json
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
from frictionless import Package, ReportTask, system

from elec_assets.domain.tables import TABLES, Kind, Table
from elec_assets.transforms.frames import csv_chunk
from elec_assets.transforms.manifest import Manifest, Profile
from elec_assets.transforms.publication import VOLUME_PRODUCT
from elec_assets.transforms.release_scan import CROISSANT, DATAPACKAGE
from elec_assets_tests.transforms.awkward import ROWS, staged
from elec_assets_tests.transforms.releases import ELECTION, WEEKS

# The private one has every column that there is, texts too.
PROFILES = (pytest.param("private"), pytest.param("public", marks=pytest.mark.prove))
_R = """args <- commandArgs(trailingOnly = TRUE)
for (path in args) { t <- read.csv(path, colClasses = "character", encoding = "UTF-8")
  cat(nrow(t), paste(names(t), collapse = ","), sep = " "); cat("\\n") }"""


class Opened:
    """A staged release: where it is, its manifest, and what its tables hold."""

    def __init__(self, directory: Path, profile: Profile) -> None:
        self.directory = directory
        self.manifest: Manifest
        self.manifest, self.tables = staged(directory, profile)

    def tabular(self, *suffixes: str) -> list[tuple[str, Table, pl.DataFrame]]:
        listed = [(e.path, TABLES[str(e.table)]) for e in self.manifest.files if e.table]
        return [(path, table, self.tables[path]) for path, table in listed if path.endswith(suffixes)]


# What mlcroissant 1.1 and the libraries under it are warned of.
_RDF = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module", params=PROFILES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(tmp_path_factory.mktemp("release") / request.param, request.param)


def texts(table: Table) -> list[str]:
    return [c.name for c in table.columns if c.kind in (Kind.STRING, Kind.STRINGS)]


def test_pandas_reads_every_csv_with_its_ids_as_text(opened: Opened) -> None:
    for path, table, frame in opened.tabular(".csv", ".csv.gz"):
        kinds = dict.fromkeys(texts(table), str)
        times = [c.name for c in table.columns if c.kind is Kind.TIME]
        read = pd.read_csv(opened.directory / path, dtype=kinds, parse_dates=times, keep_default_na=False)
        assert (list(read.columns), len(read)) == (list(table.names), ROWS), path
        for name in times:
            assert str(read[name].dtype).startswith("datetime64[") or read[name].eq("").any(), (path, name)
        for column in table.columns:
            if column.kind is Kind.STRING:
                assert read[column.name].tolist() == frame[column.name].fill_null("").to_list(), (path, column.name)


def test_pandas_reads_every_parquet(opened: Opened) -> None:
    for path, table, frame in opened.tabular(".parquet"):
        read = pd.read_parquet(opened.directory / path)
        assert (list(read.columns), len(read)) == (list(table.names), ROWS), path
        name = table.key[0]
        assert read[name].tolist() == frame[name].to_pandas().tolist(), path


def test_polars_reads_back_the_very_rows(opened: Opened) -> None:
    for path, _, frame in opened.tabular(".parquet"):
        assert pl.read_parquet(opened.directory / path).equals(frame), path
    for path, table, frame in opened.tabular(".csv", ".csv.gz"):
        read = pl.read_csv(opened.directory / path, infer_schema=False)
        written = pl.read_csv(csv_chunk(frame, table, header=True), infer_schema=False)
        assert read.equals(written), path
        for column in table.columns:
            if column.kind is Kind.STRING:
                assert read[column.name].equals(frame[column.name]), (path, column.name)


def test_duckdb_reads_every_table_without_being_told_anything(opened: Opened) -> None:
    with duckdb.connect() as db:
        for path, table, frame in opened.tabular(""):
            reader = db.read_parquet if path.endswith(".parquet") else db.read_csv
            read = reader(str(opened.directory / path))
            assert (tuple(read.columns), len(read.fetchall())) == (table.names, ROWS), path
            times = [c.name for c in table.columns if c.kind is Kind.TIME and frame[c.name].null_count() < ROWS]
            types = dict(zip(read.columns, map(str, read.types), strict=True))
            assert {types[name] for name in times} <= {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}, path


def validated(directory: Path) -> list[ReportTask]:
    """As a reader does it: the descriptor copied to the root, and nothing trusted that leads out of it."""
    shutil.copy(directory / DATAPACKAGE, directory / "datapackage.json")
    with system.use_context(trusted=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # frictionless 5.21 leaves its files open
        tasks: list[ReportTask] = Package(str(directory / "datapackage.json")).validate().tasks
        gc.collect()
    return tasks


def test_frictionless_validates_the_whole_package(opened: Opened) -> None:
    tasks = validated(opened.directory)
    assert [(task.place, task.errors[:2]) for task in tasks if not task.valid] == []
    rows = {path: ROWS for path, _, _ in opened.tabular(".csv", ".csv.gz")}
    files = {path: None for path, _, _ in opened.tabular(".parquet")}
    assert {task.place: task.stats.get("rows") for task in tasks} == {**rows, **files}


def test_frictionless_finds_what_is_wrong(opened: Opened, tmp_path: Path) -> None:
    """A validation that nothing can fail proves nothing."""
    week = VOLUME_PRODUCT.weekly(ELECTION, WEEKS[-1])
    package = json.loads((opened.directory / DATAPACKAGE).read_bytes())
    package["resources"] = [r for r in package["resources"] if r["path"] in ("candidates.csv", week)]
    for path in ("candidates.csv", week):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(opened.directory / path, tmp_path / path)
    (tmp_path / DATAPACKAGE).parent.mkdir()
    (tmp_path / DATAPACKAGE).write_text(json.dumps(package), encoding="utf-8")
    text = (tmp_path / "candidates.csv").read_text(encoding="utf-8")
    (tmp_path / "candidates.csv").write_text(text + text.splitlines()[-1] + ",1\n", encoding="utf-8")
    tasks = validated(tmp_path)
    assert {task.place: task.valid for task in tasks} == {"candidates.csv": False, week: True}
    assert {"hash-count", "byte-count", "extra-cell"} <= {e.type for task in tasks for e in task.errors}


def test_r_reads_every_csv(opened: Opened) -> None:
    command = shutil.which("Rscript")
    if command is None:
        pytest.skip("Rscript is not installed")
    wanted = opened.tabular(".csv", ".csv.gz")
    paths = [str(opened.directory / path) for path, _, _ in wanted]
    done = subprocess.run([command, "-e", _R, *paths], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{ROWS} {','.join(table.names)}" for _, table, _ in wanted]


@_RDF
def test_mlcroissant_takes_the_croissant_file_and_reads_its_records(opened: Opened) -> None:
    import mlcroissant as mlc

    dataset = mlc.Dataset(str(opened.directory / CROISSANT))
    issues = dataset.metadata.ctx.issues
    assert (sorted(issues.errors), sorted(issues.warnings)) == ([], [])
    described: dict[str, Any] = json.loads((opened.directory / CROISSANT).read_text(encoding="utf-8"))
    for records in described["recordSet"]:
        assert len(list(dataset.records(records["@id"]))) == ROWS, records["@id"]
