"""Google Trends out of the store: documents kept as received, so that any table can be made again without a request."""

from elec_assets.clients.store import Store
from elec_assets.clients.trends_errors import TrendsGarbled, TrendsNotStored
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.trends import Endpoint, partition_of_block
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.transforms.trends_documents import RawTrendsDocument, decode_document
from elec_assets.transforms.trends_explore import Explored, TrendsUnreadable, read_explore

_DATA = tuple(endpoint for endpoint in Endpoint if endpoint is not Endpoint.EXPLORE)
_DAMAGED = "restore it from a backup, or remove it and run it again"


class TrendsReplay:
    """A `TrendsBackend` that serves the stored documents of one election, each as it was stored."""

    name = "replay"
    version = "1"

    def __init__(self, store: Store, election: str) -> None:
        self._store = store
        self._election = election

    def explore(self, request: TrendsRequest) -> Explored:
        """The widgets that the stored documents of a request were made of.

        Raises:
            TrendsNotStored: there are none.
            TrendsGarbled: one of them cannot be read.
        """
        found = [document for endpoint in _DATA if (document := self._find(request, endpoint)) is not None]
        if not found:
            raise TrendsNotStored(f"request {request.request_id}: the store holds no document of it; run it first")
        widgets = b",".join(document.widget for document in found if document.widget is not None)
        try:
            return read_explore(b")]}'\n" + b'{"widgets":[' + widgets + b"]}", request)
        except TrendsUnreadable as error:
            raise TrendsGarbled(f"request {request.request_id}, as stored: {error}") from error

    def fetch(self, explored: Explored, endpoint: Endpoint) -> RawTrendsDocument:
        """The stored document of an endpoint, also one without a body.

        Raises:
            TrendsNotStored: there is none.
            TrendsGarbled: it cannot be read.
            ValueError: the endpoint is explore.
        """
        if endpoint is Endpoint.EXPLORE:
            raise ValueError("explore has no document; allowed: timeline, regions, topics, queries")
        found = self._find(explored.request, endpoint)
        if found is None:
            key = self._key(explored.request, endpoint)
            raise TrendsNotStored(f"{key}: not in the store; run it first")
        return found

    def _find(self, request: TrendsRequest, endpoint: Endpoint) -> RawTrendsDocument | None:
        key = self._key(request, endpoint)
        data = self._store.find(key)
        if data is None:
            return None
        try:
            found = decode_document(data, key)
        except TrendsUnreadable as error:
            raise TrendsGarbled(f"{error}; {_DAMAGED}") from error
        if (found.request, found.endpoint) != (request, endpoint):
            raise TrendsGarbled(f"{key}: holds request {found.request.request_id}, {found.endpoint}; {_DAMAGED}")
        return found

    def _key(self, request: TrendsRequest, endpoint: Endpoint) -> str:
        window = partition_of_block(request.block, request.cadence.grain)
        place = TrendsPlace(self._election, request.area, request.cadence, window)
        return place.document(request.request_id, endpoint)
