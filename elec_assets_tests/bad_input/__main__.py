"""`python -m elec_assets_tests.bad_input > docs/bad-input.md`: the page of the docs, from the cases."""

import sys
import tempfile
from pathlib import Path

from elec_assets_tests.bad_input.document import document
from elec_assets_tests.bad_input.place import make_world, prepare
from elec_assets_tests.bad_input.run import CASES, run


def main() -> None:
    """Run every case and print the page."""
    world = make_world()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        prepare(folder / "prepared", world)
        seen = {case.name: run(case, folder / "prepared", folder / case.name, world) for case in CASES.values()}
    sys.stdout.write(document(seen))


if __name__ == "__main__":
    main()
