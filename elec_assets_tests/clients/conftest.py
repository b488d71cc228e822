"""Fixtures of the clients' tests: stores, a small election, the sandbox of X on a clock that the test moves."""

import ipaddress
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from elec_assets.clients.store import Store, open_store
from elec_assets.clients.trends_session import TrendsSession
from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_api import TrendsOptions
from elec_assets.sandbox.trends_world import TrendsWorld
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_api import XApi, XOptions
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.hours import SCENE, Clock
from elec_assets_tests.clients.trends import Google
from elec_assets_tests.s3 import KINDS, Bucket
from elec_assets_tests.sandbox import trends


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account of this machine is ever used."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of `on_disk`."""
    return tmp_path / "store with space"


@pytest.fixture
def on_disk(directory: Path) -> Store:
    """A store in a directory, whatever `--store` says."""
    return open_store(directory.as_uri())


@pytest.fixture
def local(request: pytest.FixtureRequest, store_kind: str, new_bucket: Callable[[str], Bucket]) -> Store:
    """The store of a test: in a directory, or on S3 where `--store` says so."""
    if store_kind != KINDS[0]:
        return open_store(new_bucket(store_kind).url, allow_http=True)
    found = request.getfixturevalue("on_disk")
    assert isinstance(found, Store)
    return found


@pytest.fixture
def clock() -> Clock:
    """The time of the sandbox and of the clients: a day after the hour that most tests seal."""
    return Clock(datetime(2027, 2, 2, 15, 0, tzinfo=UTC), timedelta(milliseconds=1))


@pytest.fixture(scope="session")
def world() -> World:
    """The posts of all sandboxes here: made once."""
    return World(SCENE)


@pytest.fixture
def serve(clock: Clock, world: World) -> Iterator[Callable[..., XServer]]:
    """Start a sandbox of X over the world, with `XOptions`, `faults` and `clock`; all are stopped at the end."""
    with ExitStack() as stack:

        def start(*, faults: Sequence[Fault] = (), clock: Clock = clock, **options: Any) -> XServer:  # noqa: ANN401 - fields of XOptions
            api = XApi(world, clock, XOptions(**options))
            return stack.enter_context(XServer(api, FaultScript(faults), 0))

        yield start


@pytest.fixture(scope="session")
def trends_world() -> TrendsWorld:
    """The searches of all sandboxes of Google Trends here."""
    return TrendsWorld(trends.SCENE)


@pytest.fixture
def google(on_disk: Store, clock: Clock, trends_world: TrendsWorld) -> Iterator[Callable[..., Google]]:
    """Start a sandbox of Google Trends, with `TrendsOptions` and `faults`, and what asks it; all end with the test."""
    with ExitStack() as stack:

        def opened(session: TrendsSession) -> TrendsSession:
            stack.callback(session.close)
            return session

        def start(*, faults: Sequence[Fault] = (), **options: Any) -> Google:  # noqa: ANN401 - fields of TrendsOptions
            server = start_trends(world=trends_world, clock=clock, options=TrendsOptions(**options), faults=faults)
            return Google(stack.enter_context(server), on_disk, clock, opened)

        yield start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    day = timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime.now(UTC) - day).not_valid_after(datetime.now(UTC) + day)
    signed = made.add_extension(host, critical=False).sign(key, hashes.SHA256())
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, *plain) + signed.public_bytes(pem))
    return path


@pytest.fixture(scope="session")
def recordings() -> Path:
    named = os.environ.get("ELEC_TEST_RECORDINGS")
    folder = (Path(named) if named else Path(__file__).parents[3] / "shared" / "data") / "x"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}: set ELEC_TEST_RECORDINGS")
    return folder
