"""Start the sandbox of Kaggle. Only 127.0.0.1 is ever bound."""

from collections.abc import Callable, Iterable
from datetime import datetime

from elec_assets.sandbox.clock import utc_now
from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.kaggle_api import KaggleOptions
from elec_assets.sandbox.kaggle_http import KaggleServer


def start_kaggle(
    *,
    port: int = 0,
    clock: Callable[[], datetime] = utc_now,
    options: KaggleOptions | None = None,
    faults: Iterable[Fault] = (),
) -> KaggleServer:
    """Start the Kaggle sandbox in a thread; leave the context or call `stop` to end it.

    The unmodified `kaggle` command reaches it with what `command_environment` gives.

    Args:
        port: 0 for any free one.
        clock: the server's time, UTC.
        options: how it behaves.
        faults: what goes wrong, in order: `KaggleFault`, or `Fault`.

    Raises:
        OSError: the port is taken.
    """
    return KaggleServer(options or KaggleOptions(), clock, FaultScript(faults), port)


def command_environment(server: KaggleServer, options: KaggleOptions | None = None) -> dict[str, str]:
    """The variables with which the `kaggle` command (2.2.4) talks to the sandbox instead of to Kaggle.

    Only `LOCALHOST` is heeded of `KAGGLE_API_ENVIRONMENT`: the client then posts to `http://localhost`, through the
    proxy; uploads go to the sandbox straight. Also set `HOME` to a folder of its own: the client writes there.
    """
    made = options or KaggleOptions()
    return {
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "HTTP_PROXY": server.url,
        "NO_PROXY": "127.0.0.1",
        "KAGGLE_USERNAME": made.username,
        "KAGGLE_KEY": made.key,
    }
