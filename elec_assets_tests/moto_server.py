"""moto's server with one request at a time, as a process: `python elec_assets_tests/moto_server.py PORT`.

moto (5.2.1) looks whether a key is there and writes it in two steps, in threads: of two writers with
`If-None-Match: *` both won once in some hundred races on a busy machine (2026-11-22). S3 lets one win.
"""

import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ONE = threading.Lock()
_APP = DomainDispatcherApplication(create_backend_app)


def one_at_a_time(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Answer a request to its end, body included, before the next begins."""
    with _ONE:
        return list(_APP(environ, start_response))


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True, request_handler=MotoRequestHandler)
