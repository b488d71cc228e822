"""The command line: help, exit codes, what goes to which stream, and how little a quick command needs."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
import requests
from click.testing import CliRunner, Result

from elec_assets import cli
from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import open_store
from elec_assets.domain import layout
from elec_assets.domain.windows import Grain, floor, window_at
from elec_assets.operations.demo_setup import ELECTION, demo_registry
from elec_assets_tests.operations.fake_dagster import ASSET, FakeDagster, serving

REPOSITORY = Path(__file__).parents[1]
_OURS = ("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_")
BROKEN = """\
elections:
  fr_2027:
    name: Test
    country: fr
    calendar: {collect_from: 2026-11-02, rounds: [2027-04-31], inauguration: 2027-05-13}
    candidates:
      ada: {name: Ada, status: 3, twiter_account: ["@ada"]}
"""


def commands(group: click.Group = cli.main, path: str = "elec") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, groups included."""
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


COMMANDS = dict(commands())
GROUPS = [name for name, command in COMMANDS.items() if isinstance(command, click.Group)]
LEAVES = [name for name, command in COMMANDS.items() if not isinstance(command, click.Group)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a deployment with an active election, and nothing collected yet."""
    for name in [n for n in os.environ if n.startswith(_OURS) or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    (tmp_path / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    (tmp_path / "candidates.yaml").write_text(demo_registry(datetime.now(UTC)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def elec(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, env=environment, catch_exceptions=False)


def one_object(result: Result) -> dict[str, object]:
    """Standard output, which must be one JSON object on one line and nothing else."""
    (line,) = result.stdout.splitlines()
    answer = json.loads(line)
    assert isinstance(answer, dict)
    return answer


def one_sentence(result: Result) -> str:
    """What an error says: one line on standard error, nothing on standard output."""
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("elec: ")
    return line


def listed(help_text: str) -> list[str]:
    """The commands that a help text lists."""
    return re.findall(r"^  (\w+)  ", help_text.partition("Commands:")[2], re.MULTILINE)


# Help


def test_the_commands_are_those_that_the_design_names() -> None:
    assert listed(elec("--help").stdout) == sorted(cli.main.commands)
    assert sorted(LEAVES) == [
        "elec backfill",
        "elec candidates accept",
        "elec candidates check",
        "elec capture",
        "elec comply",
        "elec coverage",
        "elec deadman",
        "elec demo",
        "elec doctor",
        "elec plan",
        "elec purge",
        "elec rebuild",
        "elec release build",
        "elec release check",
        "elec release diff",
        "elec release list",
        "elec release publish",
        "elec release rollback",
        "elec sandbox all",
        "elec sandbox aws",
        "elec sandbox kaggle",
        "elec sandbox trends",
        "elec sandbox x",
        "elec status",
        "elec watch ls",
        "elec watch silence",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_does(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    shown = elec(*name.split()[1:], "--help")
    assert shown.exit_code == 0
    assert command.help.split()[0] in shown.stdout
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts}"
            assert all(flag in shown.stdout for flag in option.opts)
        else:  # an argument is told of in the text
            assert (option.metavar or str(option.name).upper()) in command.help


@pytest.mark.parametrize("name", [n for n in LEAVES if not n.startswith("elec sandbox ")])
def test_every_command_that_reports_takes_json(name: str) -> None:
    assert "--json" in [flag for option in COMMANDS[name].params for flag in option.opts]


def test_the_version_is_that_of_the_package() -> None:
    declared = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert declared is not None
    assert elec("--version").stdout.split()[-1] == declared[1]


# Wrong input: 2


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["rebuild"],
        ["rebuild", "--table", "tweets", "--since", "yesterday"],
        ["rebuild", "--table", "trends", "--since", "2026-11-02"],
        ["coverage", "--since", "2026-13-01"],
        ["plan", "--posts-per-hour", "-1"],
        ["plan", "--posts-per-hour", "many"],
        ["backfill", ASSET],
        ["capture", "--for", "0"],
        ["capture", "--for", "soon"],
        ["sandbox", "x", "--port", "70000"],
        ["sandbox", "x", "--posts-per-hour", "-1"],
        ["sandbox", "x", "--replay", "nowhere.jsonl"],
        ["sandbox", "x", "--faults", "candidates.yaml"],
        ["sandbox", "kaggle", "--faults", "candidates.yaml"],
        ["sandbox", "x", "--replay", "candidates.yaml"],
        ["demo", "--port", "0"],
        ["demo", "--port", "70000"],
        ["demo", "--dir", "candidates.yaml"],
        ["demo", "--dir", "."],
    ],
)
def test_wrong_arguments_end_with_2_and_print_nothing(arguments: list[str]) -> None:
    result = elec(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "command",
    [
        ["plan"],
        ["coverage"],
        ["doctor"],
        ["candidates", "check"],
        ["sandbox", "x"],
        ["capture"],
        ["status"],
        ["deadman"],
        ["watch", "ls"],
    ],
)
def test_a_broken_setting_ends_with_2_and_is_named(command: list[str]) -> None:
    result = elec(*command, ELEC_X_BUDGET_USD="fifty", ELEC_X_ARCHIVE="most")
    assert result.exit_code == 2
    for told in ("ELEC_X_BUDGET_USD", "fifty", "ELEC_X_ARCHIVE", "most"):
        assert told in result.output


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", [["plan"], ["coverage"], ["rebuild", "--table", "tweets", "--since", "2026-11-02"]])
def test_a_store_of_an_unknown_kind_ends_with_2(command: list[str]) -> None:
    result = elec(*command, ELEC_STORE="gs://bucket")
    assert result.exit_code == 2
    assert "ELEC_STORE is 'gs://bucket'" in one_sentence(result)


@pytest.mark.parametrize("command", [["plan"], ["coverage"], ["rebuild", "--table", "tweets", "--since", "2026-11-02"]])
def test_a_broken_registry_ends_with_2_and_all_its_problems(home: Path, command: list[str]) -> None:
    (home / "candidates.yaml").write_text(BROKEN, encoding="utf-8")
    result = elec(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    for field in ("country", "rounds", "status", "twiter_account"):
        assert field in result.stderr


def test_an_unknown_election_ends_with_2(home: Path) -> None:
    result = elec("coverage", "--election", "fr_2099")
    assert result.exit_code == 2
    assert ELECTION in one_sentence(result)
    assert not list((home / "data").rglob("*.json"))


# candidates check


def test_candidates_check_lists_all_problems_at_once(home: Path) -> None:
    (home / "candidates.yaml").write_text(BROKEN, encoding="utf-8")
    result = elec("candidates", "check", "candidates.yaml")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert lines[-1] == "candidates.yaml: 4 problems"
    assert [re.match(r"candidates\.yaml:(\d+): ", line)[1] for line in lines[:-1]] == ["4", "5", "7", "7"]  # type: ignore[index]  # a line without number fails
    told = elec("candidates", "check", "candidates.yaml", "--json")
    assert told.exit_code == 2
    assert one_object(told)["ok"] is False


def test_candidates_check_takes_the_registry_of_the_deployment(home: Path) -> None:
    (home / "candidates.yaml").rename(home / "others.yaml")
    result = elec("candidates", "check", "--json", ELEC_REGISTRY="others.yaml")
    assert result.exit_code == 0
    assert one_object(result)["source"] == str(home / "others.yaml")
    assert elec("candidates", "check").exit_code == 2


# candidates accept


@pytest.fixture
def refused(home: Path) -> Path:
    """The registry in force, and candidates.yaml without one of those who were followed."""
    path = home / "candidates.yaml"
    registry = load_registry(path)
    RegistryHistory(open_store((home / "data").as_uri())).admit(registry, datetime.now(UTC))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "amartin:" not in line), encoding="utf-8")
    return path


def stored(home: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (home / "data").rglob("*") if p.is_file()}


@pytest.mark.usefixtures("refused")
def test_an_edit_of_the_past_is_refused_until_it_is_accepted(home: Path) -> None:
    again = ("rebuild", "--table", "tweets", "--since", f"{datetime.now(UTC):%Y-%m-%d}")
    before = stored(home)
    result = elec(*again)
    assert result.exit_code == 2
    assert f"{ELECTION}: amartin was followed from" in one_sentence(result)
    assert elec("doctor").exit_code == 2
    assert stored(home) == before
    accepted = elec("candidates", "accept", "--reason", "wrong from the start", "--json")
    assert accepted.exit_code == 0
    told = one_object(accepted)
    assert (told["accepted"], told["reason"]) == (True, "wrong from the start")
    assert elec(*again).exit_code == 0
    assert elec("doctor").exit_code == 0
    once_more = elec("candidates", "accept", "--reason", "again")
    assert (once_more.exit_code, "nothing to accept" in once_more.stdout) == (0, True)


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("arguments", [[], ["--reason", " "], ["--reason"]])
def test_accepting_without_a_reason_ends_with_2_and_records_nothing(home: Path, arguments: list[str]) -> None:
    before = stored(home)
    result = elec("candidates", "accept", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "reason" in result.stderr
    assert stored(home) == before


def test_a_history_that_cannot_be_read_ends_with_1(home: Path, refused: Path) -> None:
    entry = home / "data" / layout.registry_admission(2)
    entry.write_text('{"format": 2}', encoding="utf-8")
    for command in (
        ["candidates", "accept", "--reason", "why"],
        ["rebuild", "--table", "tweets", "--since", "2026-11-02"],
    ):
        result = elec(*command)
        assert result.exit_code == 1
        assert "format 2, this program reads up to 1; upgrade" in one_sentence(result)
    refused.write_text(BROKEN, encoding="utf-8")
    assert elec("candidates", "accept", "--reason", "why").exit_code == 2


# What reports


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "command",
    [
        ["plan"],
        ["coverage"],
        ["doctor"],
        ["candidates", "check"],
        ["candidates", "accept", "--reason", "nothing"],
        ["rebuild", "--table", "tweets", "--since", "2026-11-02"],
    ],
)
def test_json_is_one_object_and_text_is_for_people(command: list[str]) -> None:
    told = elec(*command, "--json")
    assert told.exit_code == 0
    assert one_object(told)
    text = elec(*command)
    assert text.exit_code == 0
    with pytest.raises(ValueError, match=r"Expecting|Extra"):
        json.loads(text.stdout)


@pytest.mark.usefixtures("home")
def test_json_keeps_names_as_they_are_written() -> None:
    assert "Côme Dubois-Vannier" in elec("plan", "--json").stdout


def test_progress_goes_to_standard_error_only(home: Path) -> None:
    since = floor(datetime.now(UTC), Grain.WEEK)
    result = elec("rebuild", "--table", "tweets", "--since", f"{since - timedelta(days=2):%Y-%m-%d}", "--json")
    assert one_object(result) == {"table": "tweets", "rebuilt": 0, "changed": [], "failed": []}
    assert f"tweets {ELECTION} " in result.stderr
    assert "\r" not in result.stderr  # a log is no terminal
    assert (home / "data").is_dir()


def test_a_damaged_coverage_row_is_no_wrong_input(home: Path) -> None:
    """It ended with 2, which says that the caller should mend what was typed."""
    hour = window_at(datetime.now(UTC) - timedelta(hours=3), Grain.HOUR)
    path = home / "data" / layout.coverage_row(ELECTION, "twitter", hour, Grain.HOUR)
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    for command in ("coverage", "plan"):
        result = elec(command)
        assert result.exit_code == 1
        assert path.name in one_sentence(result)


def test_a_store_that_cannot_be_made_ends_with_1(home: Path) -> None:
    (home / "data").write_text("a file", encoding="utf-8")
    for command in ("plan", "coverage"):
        result = elec(command)
        assert result.exit_code == 1
        assert str(home / "data") in one_sentence(result)


# backfill


@pytest.mark.usefixtures("home")
def test_backfill_reports_progress_and_result() -> None:
    states = [("REQUESTED", 0, 0), ("COMPLETED_SUCCESS", 2, 0)]
    with serving(FakeDagster(keys=["2026-11-02-00:00", "2026-11-02-01:00"], states=states)) as dagster:
        day = ("--from", "2026-11-02", "--to", "2026-11-02", "--url", dagster.url)
        result = elec("backfill", ASSET, *day, "--json")
        assert result.exit_code == 0
        assert one_object(result)["materialized"] == 2
        assert result.stderr.splitlines() == ["2 of 2 materialized, 0 failed"]
        wrong = elec("backfill", "fr_2027/nothing", *day)
        assert wrong.exit_code == 2
        assert ASSET in one_sentence(wrong)
        none = elec("backfill", ASSET, "--from", "2026-12-01", "--to", "2026-12-02", "--url", dagster.url)
        assert none.exit_code == 2
        assert "2026-11-02-00:00 to 2026-11-02-01:00" in one_sentence(none)
        dagster.states = [("COMPLETED_FAILED", 1, 1)]
        failed = elec("backfill", ASSET, *day, "--json")
        assert (failed.exit_code, one_object(failed)["failed"]) == (1, 1)


@pytest.mark.usefixtures("home")
def test_backfill_without_a_webserver_ends_with_1() -> None:
    result = elec("backfill", ASSET, "--from", "2026-11-02", "--to", "2026-11-02", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "no answer from Dagster's webserver at http://127.0.0.1:9" in one_sentence(result)


# Processes of their own


def child(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "elec_assets.cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("command", "forbidden"),
    [
        (["--help"], {"dagster", "polars", "tweepy", "obstore", "requests", "pydantic", "yaml"}),
        (["demo", "--help"], {"dagster", "polars", "tweepy", "obstore", "requests", "pydantic", "yaml"}),
        (["candidates", "check"], {"dagster", "polars", "tweepy", "obstore", "requests"}),
        (["plan"], {"dagster", "tweepy", "kaggle", "pytrends", "boto3"}),
        (["coverage"], {"dagster", "tweepy", "kaggle", "pytrends", "boto3"}),
        (["doctor"], {"dagster", "kaggle", "pytrends", "boto3"}),
        (["rebuild", "--table", "tweets", "--since", "2026-11-02"], {"dagster", "tweepy", "kaggle", "boto3"}),
    ],
)
def test_a_quick_command_imports_nothing_heavy(home: Path, command: list[str], forbidden: set[str]) -> None:
    code = (
        "import json, sys\nfrom elec_assets.cli import main\n"
        f"try:\n main({command!r})\nexcept SystemExit as ended:\n code = ended.code or 0\n"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, timeout=60)
    exit_code, modules = json.loads(ended.stderr.splitlines()[-1])
    assert exit_code == 0, ended.stderr
    assert forbidden & set(modules) == set()


def test_the_sandbox_prints_its_address_serves_and_ends_in_order(home: Path) -> None:
    command = [sys.executable, "-m", "elec_assets.cli", "sandbox", "x", "--token", "mine"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            usage = f"{url}/2/usage/tweets"
            assert requests.get(usage, headers={"Authorization": "Bearer mine"}, timeout=10).status_code == 200
            assert requests.get(usage, headers={"Authorization": "Bearer other"}, timeout=10).status_code == 401
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, "Traceback" in err) == (0, "", False)


def test_a_taken_port_is_one_sentence(home: Path) -> None:
    with serving(FakeDagster()) as other:
        ended = child("sandbox", "x", "--port", other.url.rpartition(":")[2], cwd=home)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("elec: ")
    assert len(ended.stderr.splitlines()) == 1


def test_the_installed_command_is_this_one() -> None:
    program = Path(sys.executable).with_name("elec")
    if not program.exists():
        pytest.skip("elec_assets is not installed in this environment")
    told = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0
    assert listed(told.stdout) == sorted(cli.main.commands)
