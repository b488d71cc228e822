"""The uploads of the sandbox of Kaggle: whole files, and the status and rest of those that were cut."""

import re

from elec_assets.sandbox.http_server import HttpReply, HttpRequest
from elec_assets.sandbox.kaggle_faults import KaggleFault, spoilt
from elec_assets.sandbox.kaggle_state import Blob, KaggleState

_RANGE = re.compile(r"bytes (?:\*|(?P<first>\d+)-(?P<last>\d+))/(?P<total>\d+)", re.ASCII)
_DROPPED = HttpReply(0, b"", {})


def put(state: KaggleState, upload: str, request: HttpRequest, fault: KaggleFault) -> HttpReply:
    """Take (a part of) an upload. `state.lock` is held."""
    blob = state.uploads.get(upload)
    if blob is not None and fault.expired:
        blob.expired = True
    if blob is None or blob.expired:
        return HttpReply(404, b"", {})
    answer = spoilt(fault)
    if answer is not None and not fault.apply:
        return answer
    true = _take(blob, request, finish=answer is None and fault.take is None)
    return _DROPPED if fault.take is not None or fault.drop else answer or true


def _take(blob: Blob, request: HttpRequest, *, finish: bool) -> HttpReply:
    named = request.headers.get("content-range")
    if named is None:
        blob.data = request.body
    else:
        match = _RANGE.fullmatch(named)
        if match is None or int(match["total"]) != blob.length:
            return HttpReply(400, b"", {})
        if match["first"] is None:
            return _progress(blob)
        if int(match["first"]) != len(blob.data):
            return _progress(blob)
        blob.data += request.body
    if finish and len(blob.data) != blob.length:
        blob.data = b""
        return HttpReply(400, b"", {})  # not as many bytes as announced
    blob.done = finish
    return HttpReply(200, b"", {})


def _progress(blob: Blob) -> HttpReply:
    if blob.done:
        return HttpReply(200, b"", {})
    return HttpReply(308, b"", {"Range": f"bytes=0-{len(blob.data) - 1}"} if blob.data else {})
