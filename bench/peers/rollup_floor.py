"""The least that any path must do: unpack the batch files, parse each line, pack the CSV of the week at level 6.

Making rows, matching, deduplicating and formatting are taken as free. Libraries: zlib-ng unpacks (twice as fast as
Python's zlib), simdjson parses; both zlibs pack.
"""

import zlib
from pathlib import Path

import simdjson
from zlib_ng import zlib_ng

from bench import posts
from bench.measure import Figures, Job, Stages

GUNZIP, PARSE, ZLIB, ZLIB_NG = "gunzip (zlib-ng)", "parse (simdjson)", "gzip 6 (zlib)", "gzip 6 (zlib-ng)"
_BLOCK = 1 << 20
_LEVEL, _WBITS = 6, 31


def run(job: Job) -> Figures:
    """Time each step; `csv` of the job is the packed weekly CSV to pack again."""
    stages, lines, folder = Stages(), 0, Path(job["input"])
    for slot in posts.corpus(folder).slots:
        packed = posts.slot_path(folder, slot).read_bytes()
        with stages.time(GUNZIP):
            body = zlib_ng.decompress(packed, _WBITS)
        with stages.time(PARSE):
            lines += _parse(body)
    _pack(Path(job["csv"]), stages)
    return {"lines": lines, "stages": stages.cpu_s}


def _parse(body: bytes) -> int:
    parser, lines = simdjson.Parser(), 0
    for line in body.split(b"\n"):
        if line:
            parser.parse(line)  # what it returns must be gone before the next line is parsed
            lines += 1
    return lines


def _pack(csv: Path, stages: Stages) -> None:
    plain = zlib_ng.decompressobj(_WBITS)
    by_zlib, by_zlib_ng = zlib.compressobj(_LEVEL, wbits=_WBITS), zlib_ng.compressobj(_LEVEL, wbits=_WBITS)
    with csv.open("rb") as file:
        while packed := file.read(_BLOCK):
            text = plain.decompress(packed)
            with stages.time(ZLIB):
                by_zlib.compress(text)
            with stages.time(ZLIB_NG):
                by_zlib_ng.compress(text)
    with stages.time(ZLIB):
        by_zlib.flush()
    with stages.time(ZLIB_NG):
        by_zlib_ng.flush()
