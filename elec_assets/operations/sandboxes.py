"""`elec sandbox`: the worlds, made from the registry, over which servers on 127.0.0.1 speak outside protocols."""

from collections.abc import Iterable

from elec_assets.domain.registry import Candidate, Election
from elec_assets.sandbox.trends_geos import countries
from elec_assets.sandbox.trends_shape import Event
from elec_assets.sandbox.trends_world import Subject, TrendsScene
from elec_assets.sandbox.world import Burst, Person, Scene

# A debate makes people talk: the world posts this many times more while an event of the calendar lasts.
EVENT_FACTOR = 4.0


def scene_of(elections: Iterable[Election], *, seed: int, posts_per_hour: float) -> Scene:
    """A world about the candidates of these elections, busier during their events."""
    chosen = list(elections)
    people = {
        c.key: Person(c.key, c.name, c.accounts, c.terms) for election in chosen for c in election.candidates.values()
    }
    bursts = [
        Burst(event.window.start, event.window.end, EVENT_FACTOR)
        for election in chosen
        for event in election.calendar.events
    ]
    return Scene(seed, tuple(people[key] for key in sorted(people)), posts_per_hour, tuple(bursts))


def trends_scene_of(elections: Iterable[Election], *, seed: int) -> TrendsScene:
    """A world in which the candidates of these elections are searched for, more so during their events.

    A candidate's term (else the name) and topic share one series; name and other terms are spellings, if they differ.
    """
    chosen = list(elections)
    # One person is one subject, in however many elections.
    subjects = {c.key: _subject(c, election.country) for election in chosen for c in election.candidates.values()}
    events = tuple(
        Event(
            event.window.start,
            event.window.end,
            EVENT_FACTOR,
            tuple(subjects[key].name for key in election.candidates),
        )
        for election in chosen
        for event in election.calendar.events
    )
    return TrendsScene(seed, tuple(subjects[key] for key in sorted(subjects)), events=events)


def _subject(candidate: Candidate, country: str) -> Subject:
    name = candidate.trends.term or candidate.name
    spellings = tuple(text for text in (candidate.name, *candidate.terms) if text != name)
    home = country if country in countries() else None
    return Subject(name, candidate.trends.topic_mid, spellings=spellings, home=home)
