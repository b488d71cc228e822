"""`python -m elec_assets_tests.fuzz`: every target by every engine, each in a process of its own.

Inputs and logs stand under `.fuzz/<target>/<engine>/`. Exit code 1, the minimized input and the command that repeats
it if a reader failed; 0 if none did.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import click

from elec_assets_tests.fuzz.engines import ENGINES, INPUT, STATUS, available

# Names alone: to load the targets here would load what atheris must load itself.
NAMES = (
    *("page", "lines", "head", "sidecar", "coverage", "ledger", "key"),
    *("registry", "candidates", "matcher"),
)
FOLDER = Path(".fuzz")
# Beyond its time a process may still shrink what it found.
_SHRINK_S = 120.0
_MINIMIZE_S = 20.0


@click.command(help=__doc__)
@click.option("--seconds", default=60.0, show_default=True, help="In all, shared by targets and engines.")
@click.option("--target", "names", type=click.Choice(NAMES), multiple=True, help="Default: all.")
@click.option("--engine", "engines", type=click.Choice(list(ENGINES)), multiple=True, help="Default: those installed.")
@click.option("--seed", default=0, show_default=True, help="Of both engines; 0: of the time, another each run.")
@click.option("--input", "given", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Check one input.")
@click.option("--child", hidden=True, is_flag=True)
def main(
    seconds: float, names: tuple[str, ...], engines: tuple[str, ...], seed: int, given: Path | None, child: bool
) -> None:
    """Run the targets; see the module."""
    names, engines = names or NAMES, engines or tuple(available())
    seed = seed or int(time.time()) % 1_000_000
    if given is not None:
        _check(names[0], given)
    elif child:
        ENGINES[engines[0]](names[0], seconds, seed, _folder(names[0], engines[0]))
    else:
        share = seconds / len(names) / len(engines)
        failed = [f"{name} by {engine}" for name in names for engine in engines if _run(name, engine, share, seed)]
        click.echo(f"failed: {', '.join(failed)}" if failed else "nothing found")
        sys.exit(1 if failed else 0)


def _folder(name: str, engine: str) -> Path:
    folder = (FOLDER / name / engine).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(name: str, engine: str, seconds: float, seed: int) -> bool:
    """One target by one engine; whether it failed."""
    folder = _folder(name, engine)
    for left in (INPUT, STATUS):
        (folder / left).unlink(missing_ok=True)
    words = ["--child", "--target", name, "--engine", engine, "--seconds", str(seconds), "--seed", str(seed)]
    log = folder / "log"
    with log.open("wb") as out:
        child = subprocess.Popen([sys.executable, "-m", __package__, *words], stdout=out, stderr=out)
        code = _waited(child, f"{name} by {engine}", seconds, log)
    if code == 0:
        return False
    click.echo(f"{name} by {engine}: {'did not end' if code is None else f'exit code {code}'}, seed {seed}, log {log}")
    if (folder / INPUT).exists():
        _report(name, folder / INPUT)
    return True


def _waited(child: subprocess.Popen[bytes], title: str, seconds: float, log: Path) -> int | None:
    """The exit code, None where the process had to be stopped; a line a minute."""
    started = time.monotonic()
    while True:
        try:
            code = child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - started
            click.echo(f"{title}: {passed:.0f} of {seconds:.0f} s; {_last_line(log)}")
            if passed > seconds + _SHRINK_S:
                child.kill()
                child.wait()
                return None
        else:
            click.echo(f"{title}: ended after {time.monotonic() - started:.0f} s; {_last_line(log)}")
            return code


def _last_line(log: Path) -> str:
    """What the engine said last: atheris in its log, hypothesis in its status."""
    status = log.with_name(STATUS)
    said = re.findall(r"^#[0-9].*", log.read_text(errors="replace"), re.MULTILINE)
    if said:
        return str(said[-1])
    return status.read_text(encoding="utf-8") if status.exists() else ""


def _report(name: str, found: Path) -> None:
    """Make the input smaller, in a process that may hang or crash, and say how to repeat it."""
    script = f"{__package__}.minimizing"
    words = [sys.executable, "-m", script, name, str(found), str(_MINIMIZE_S)]
    try:
        subprocess.run(words, timeout=_MINIMIZE_S * 3, check=False)
    except subprocess.TimeoutExpired:
        click.echo("it could not be made smaller in time")
    click.echo(f"to repeat: python -m {__package__} --target {name} --input {found}")


def _check(name: str, given: Path) -> None:
    from elec_assets_tests.fuzz.targets import TARGETS

    TARGETS[name].run(given.read_bytes())
    click.echo(f"{name}: {given} passes")


if __name__ == "__main__":
    main()
