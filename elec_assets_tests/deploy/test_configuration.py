"""The folder `config` of a box, as docs/deployment.md has it: the programs of the image read what is put there."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from elec_assets import cli
from elec_assets.clients.store import open_store
from elec_assets.definitions import defs
from elec_assets.domain.registry_problems import RegistryInvalid
from elec_assets.operations.doctor_alerts import alert_checks
from elec_assets.settings import load_settings
from elec_assets_tests.deploy.box import Image
from elec_assets_tests.deploy.recipe import DEPLOY, with_celery
from elec_assets_tests.deployment import MID_CAMPAIGN, REPOSITORY, write_registry

WATCHES = "watches:\n  neighbour: {bucket: another, prefix: data/raw/, time_threshold: 600}\n"
MOUNTED = ("code", "capture", "worker")


@pytest.fixture
def config(tmp_path: Path, bare: pytest.MonkeyPatch) -> Path:
    """Where the image has `config`, with a registry in it; the process is as one of the image."""
    [inside] = {v.split(":")[1] for n in MOUNTED for v in with_celery()[n]["volumes"] if v.startswith("./config:")}
    image = Image(tmp_path)
    folder = image.path(inside)
    folder.mkdir(parents=True)
    write_registry(folder)
    shutil.copy(DEPLOY / "workspace.yaml", image.path("/opt/elec"))
    for name, value in image.environment.items():
        if name.startswith("ELEC_"):
            bare.setenv(name, value)
    bare.chdir(image.path("/opt/elec"))
    return folder


def watched() -> set[str]:
    """The prefixes that Dagster watches in this deployment."""
    keys = {key.to_user_string() for key in defs().resolve_all_asset_keys()}
    return {key for key in keys if key.startswith("watch/")}


def test_what_the_documentation_puts_into_config_is_read_in_the_image(config: Path) -> None:
    """It names two files, and one of them, the list of watches, was never read.

    It was looked for beside workspace.yaml, in a folder of the image that nobody writes to: whoever followed the
    documentation watched nothing, and `elec doctor` was content.
    """
    text = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`config/([a-z.]+)`", text)) == {"candidates.yaml", "watches.yaml"}
    (config / "watches.yaml").write_text(WATCHES, encoding="utf-8")
    assert watched() == {"watch/neighbour"}
    told = CliRunner().invoke(cli.main, ["watch", "ls", "--json"], catch_exceptions=False)
    assert "watch/neighbour" in {row["asset"] for row in json.loads(told.stdout)["watched"]}
    settings = load_settings()
    checks = {check.name: check for check in alert_checks(settings, open_store(settings.store_url), MID_CAMPAIGN)}
    assert checks["watches"].found == f"1 prefixes in {config / 'watches.yaml'}"


def test_a_box_without_a_list_of_watches_watches_nothing_else(config: Path) -> None:
    assert not (config / "watches.yaml").exists()
    assert watched() == set()


def test_a_list_that_is_named_must_be_there(config: Path, bare: pytest.MonkeyPatch) -> None:
    """Also where it is named as the default is."""
    bare.setenv("ELEC_WATCHES", str(config / "watches.yaml"))
    with pytest.raises(RegistryInvalid, match=r"watches\.yaml: there is no such file; the setting ELEC_WATCHES"):
        defs()
