"""`/trends/api/widgetdata/multiline` and `comparedgeo`: the numbers of a widget, in Google's form."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from elec_assets.sandbox import trends_geos as geos
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_labels import percent_label, point_labels, value_label
from elec_assets.sandbox.trends_samples import Counts, Sampler, Series, percentages, scaled
from elec_assets.sandbox.trends_shape import Floats, grid_of
from elec_assets.sandbox.trends_times import Span
from elec_assets.sandbox.trends_widgets import places_on

# A place with less than this part of all searches on the map is shown only if small ones are asked for.
_LOW_VOLUME = 0.002


def timeline(series: Series, span: Span, now: datetime, tz_minutes: int) -> Json:
    """`multiline`; without a single point where nothing reaches the floor."""
    if not series.has_data.any():
        return {"default": {"timelineData": [], "averages": []}}
    rows = [
        _point(series, index, start, end, now, point_labels(start, end, span.resolution, tz_minutes))
        for index, (start, end) in enumerate(series.points)
    ]
    several = len(series.values) > 1
    averages = [int(mean + 0.5) for mean in series.values.mean(axis=1)] if several else []
    return {"default": {"timelineData": rows, "averages": averages}}


def _point(series: Series, index: int, start: datetime, end: datetime, now: datetime, labels: tuple[str, str]) -> Json:
    values = [int(v) for v in series.values[:, index]]
    known = [bool(h) for h in series.has_data[:, index]]
    point: Json = {
        "time": str(int(start.timestamp())),
        "formattedTime": labels[0],
        "formattedAxisTime": labels[1],
        "value": values,
        "hasData": known,
        "formattedValue": [value_label(v, has_data=h) for v, h in zip(values, known, strict=True)],
    }
    if end > now:
        point["isPartial"] = True
    return point


def region_map(
    sampler: Sampler,
    request: Json,
    keywords: Sequence[str],
    geo: str,
    span: Span,
    now: datetime,
    french: geos.FrenchRegions,
) -> Json:
    """`comparedgeo`: 0 to 100 over the places for one keyword, percentages inside each place for several."""
    places = places_on(geo, str(request.get("resolution")), french)
    if not places:
        return {"default": {"geoMapData": []}}
    counts, volumes = _counts(sampler, request, keywords, places, span, now)
    shares = np.array([sampler.shares(row, volumes) for row in counts])
    if not request.get("includeLowSearchVolumeGeos"):
        weights = np.array([place.weight for place in places])
        shares[:, weights < _LOW_VOLUME * weights.sum()] = 0.0
    if not shares.any():
        return {"default": {"geoMapData": []}}
    rows = _compared(places, shares) if len(keywords) > 1 else _single(places, shares)
    order = sorted(range(len(places)), key=lambda i: (-float(shares[:, i].sum()), places[i].code))
    return {"default": {"geoMapData": [rows[i] for i in order]}}


def _counts(
    sampler: Sampler, request: Json, keywords: Sequence[str], places: Sequence[geos.Geo], span: Span, now: datetime
) -> tuple[Counts, Floats]:
    rng = sampler.generator(request, span, now)
    grid = grid_of(span.start, span.until(now))
    drawn, volumes = [], np.ones(len(places))
    for keyword in keywords:
        expected, volumes = sampler.world.totals(keyword, places, grid)
        drawn.append(rng.poisson(expected))
    return np.array(drawn), volumes


def _single(places: Sequence[geos.Geo], shares: Floats) -> list[Json]:
    values = scaled(shares)[0]
    return [
        {
            **_place(place),
            "value": [int(value)],
            "formattedValue": [value_label(int(value), has_data=True) if share else ""],
            "maxValueIndex": 0,
            "hasData": [bool(share)],
        }
        for place, value, share in zip(places, values, shares[0], strict=True)
    ]


def _compared(places: Sequence[geos.Geo], shares: Floats) -> list[Json]:
    rows = []
    for place, column in zip(places, shares.T, strict=True):
        parts = percentages([float(share) for share in column])
        rows.append(
            {
                **_place(place),
                "value": parts,
                "formattedValue": [percent_label(p, has_data=bool(s)) for p, s in zip(parts, column, strict=True)],
                "maxValueIndex": int(np.argmax(column)),
                "hasData": [bool(share) for share in column],
            }
        )
    return rows


def _place(place: geos.Geo) -> Json:
    if place.coordinates is None:
        return {"geoCode": place.code, "geoName": place.name}
    latitude, longitude = place.coordinates
    return {"coordinates": {"lat": latitude, "lng": longitude}, "geoName": place.name}
