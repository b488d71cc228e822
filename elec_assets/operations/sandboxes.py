"""`elec sandbox`: servers on 127.0.0.1 that speak X's wire protocol over a world made from the registry."""

from collections.abc import Iterable

from elec_assets.domain.registry import Election
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
