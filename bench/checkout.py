"""The image of a deployment without installing it: this checkout and its packages; the files are in a folder."""

import os
import shutil
import sys
from pathlib import Path

from elec_assets_tests.deploy.box import Image
from elec_assets_tests.deploy.recipe import image_environment
from elec_assets_tests.deployment import REPOSITORY


class Checkout(Image):
    """What the image holds; `lay_out` first."""

    @property
    def environment(self) -> dict[str, str]:
        """As the image's, but the programs are those of this Python. They are compiled once, as those of the image."""
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        more = {"PATH": programs, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(REPOSITORY)}
        return {**super().environment, **more}

    def lay_out(self) -> None:
        """Write the files that deploy/install.sh writes, and make the folders of the volumes."""
        for volume in ("store", "spool", "logs"):
            self.path(f"/var/lib/elec/{volume}").mkdir(parents=True)
        (self.path("/opt/elec") / "config").mkdir(parents=True)
        home = Path(self.here(image_environment()["DAGSTER_HOME"]))
        home.mkdir()
        shutil.copy(REPOSITORY / "deploy" / "dagster.yaml", home)
        shutil.copy(REPOSITORY / "deploy" / "workspace.yaml", self.path("/opt/elec"))
