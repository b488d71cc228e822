"""What X sends along with posts: users, places, media and annotations, as JSON texts."""

import random
from dataclasses import dataclass

from bench.words import Words
from elec_assets.domain.registry import Candidate

_VERIFIED = ("none", "none", "none", "none", "none", "blue", "blue", "business", "government")
_TOWNS = ("Paris", "Lyon", "Marseille", "Lille", "Nantes", "Strasbourg", "Bordeaux", "Saint-Étienne", "Fort-de-France")


@dataclass(frozen=True, slots=True)
class User:
    """A user: id, handle, and the object as JSON."""

    id: str
    username: str
    json: str


def users(rng: random.Random, words: Words, count: int) -> list[User]:
    """So many users, drawn with metrics and, most of them, a description."""
    return [_user(rng, words, number) for number in range(count)]


def _user(rng: random.Random, words: Words, number: int) -> User:
    user_id = str(rng.randrange(10**6, 10**9) if number % 3 else rng.randrange(10**18, 15 * 10**17))
    username = f"compte_{number}_{rng.randrange(10**4)}"
    description = words.some(rng.randrange(3, 15)) if number % 5 else ""
    year, month, day = rng.randrange(2008, 2022), rng.randrange(1, 13), rng.randrange(1, 29)
    verified = _VERIFIED[rng.randrange(len(_VERIFIED))]
    return User(
        user_id,
        username,
        f'{{"created_at":"{year}-{month:02d}-{day:02d}T{number % 24:02d}:12:45.000Z","description":"{description}",'
        f'"id":"{user_id}","location":"{_TOWNS[number % len(_TOWNS)]}, France","name":"{words.some(2)}",'
        f'"profile_image_url":"https://pbs.twimg.com/profile_images/{user_id}/{username}_normal.jpg",'
        f'"protected":false,"public_metrics":{{"followers_count":{int(rng.paretovariate(0.7) * 40)},'
        f'"following_count":{rng.randrange(5000)},"tweet_count":{rng.randrange(200_000)},'
        f'"listed_count":{rng.randrange(90)},"like_count":{rng.randrange(50_000)}}},"username":"{username}",'
        f'"verified":{"false" if verified == "none" else "true"},"verified_type":"{verified}"}}',
    )


def places(rng: random.Random) -> list[tuple[str, str]]:
    """Id and JSON of some places."""
    ids = [f"{rng.getrandbits(64):016x}" for _ in _TOWNS]
    return [
        (
            place_id,
            f'{{"country":"France","country_code":"FR","full_name":"{town}, France","id":"{place_id}","name":"{town}",'
            f'"place_type":"city","geo":{{"type":"Feature","bbox":[2.2241,48.8155,2.4699,48.9021],"properties":{{}}}}}}',
        )
        for place_id, town in zip(ids, _TOWNS, strict=True)
    ]


def medium(rng: random.Random) -> tuple[str, str]:
    """Key and JSON of a photo, or a video, which has no `url`."""
    number = rng.getrandbits(60)
    video = rng.random() < 0.25
    key, kind = f"{13 if video else 3}_{number}", "video" if video else "photo"
    field = "preview_image_url" if video else "url"
    address = f"https://pbs.twimg.com/media/{number:x}.jpg"
    return key, f'{{"height":900,"media_key":"{key}","type":"{kind}","{field}":"{address}","width":1600}}'


def annotations(rng: random.Random, candidates: tuple[Candidate, ...]) -> dict[str, str]:
    """For each candidate, by key, the JSON of what X annotates a post about them with."""
    return {c.key: _annotation(rng, c.name) for c in candidates}


def _annotation(rng: random.Random, name: str) -> str:
    entity = f'"entity":{{"id":"{rng.randrange(10**18, 15 * 10**17)}","name":"{name}"'
    domains = (
        (131, "Unified Twitter Taxonomy", "A taxonomy of user interests. "),
        (35, "Politician", "Politicians in the world, like Joe Biden"),
    )
    return ",".join(
        f'{{"domain":{{"id":"{number}","name":"{domain}","description":"{description}"}},{entity}}}}}'
        for number, domain, description in domains
    )
