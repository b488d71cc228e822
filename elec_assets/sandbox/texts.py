"""Neutral texts that name people, or nobody. Each says that it is synthetic; none claims or judges anything.

Short texts carry `#synthetique` or `(texte de synthèse)`; texts that a retweet would cut carry the mark in front.
"""

import random
import unicodedata
from collections.abc import Sequence

from elec_assets.sandbox.posts import Draft

MARKS = ("#synthetique", "(texte de synthèse)")
SITE = "https://example.org/synthetique"
# The apostrophe as French typography has it; the templates below write it plain.
APOSTROPHE = "\u2019"
_NAMING = (
    "Essai n° {n} : ce message cite {who} {mark}",
    "L'essai n° {n} cite {who}, rien de plus. {mark}",
    "Aujourd'hui, message d'essai n° {n} : {who} 🗳️🇫🇷 {mark}",
    "Message nº {n} sur deux lignes\n{who}, à titre d'exemple ☕️ {mark}",
    "« {who} » : nom cité pour l'essai n° {n} {mark}",
    'Nom entre guillemets droits : "{who}" - essai {n} &amp; contrôle 👩‍💻 {mark}',
    "{mark} Où l'on cite {who} ; çà et là, des accents : éèêëàâîïôûùç œ Æ ÿ ({n})",
    "{mark} Essai n° {n}\r\n\tligne avec tabulation, {who}",
    "Essai {n}, lien vers une page vide : {link} et un nom, {who} {mark}",
)
_NOISE = (
    "Essai n° {n} : ce message ne cite personne {mark}",
    "Bonjour, voici l'essai n° {n} ☀️ {mark}",
    "Une ligne\nune autre ligne, essai {n} {mark}",
    "Page vide pour l'essai n° {n} : {link} {mark}",
)
_ENGLISH = "Test message no. {n} mentions {who}, nothing more. #synthetique (synthetic text)"
_FILLER = "Cette phrase n'apporte rien, elle allonge seulement le message d'essai. "
_TAIL = "Fin du message d'essai n° {n} : c'est ici seulement qu'apparaît {who}."


def plain(text: str) -> str:
    """The text without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def slug(name: str) -> str:
    """A name as an address holds it: `edouard-philippe`."""
    return "-".join("".join(c if c.isalnum() else " " for c in plain(name).lower()).split())


def _typeset(text: str) -> str:
    return text.replace("'", APOSTROPHE)


def _short_link(rng: random.Random) -> str:
    return "https://t.co/" + "".join(rng.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=10))


def name_of(rng: random.Random, name: str, accounts: Sequence[str], terms: Sequence[str]) -> str:
    """One of the ways to name a person: the name, a handle, a term, the name without accents or in capitals."""
    draw = rng.random()
    if draw < 0.3 and accounts:
        return "@" + rng.choice(accounts)
    if draw < 0.4 and terms:
        return rng.choice(terms)
    if draw < 0.48:
        return plain(name).lower()
    return name.upper() if draw < 0.5 else name


def naming(rng: random.Random, who: str, name: str, number: int) -> Draft:
    """A text that names `who`: mostly French and short; some English, long, bare, or by an address alone."""
    draw = rng.random()
    if draw < 0.03:
        body = _typeset(_FILLER) * rng.randrange(5, 9) + _typeset(_TAIL).format(n=number, who=who)
        return Draft(f"{MARKS[1]} {body}")
    if draw < 0.05:
        link = _short_link(rng)
        text = f"Essai n° {number}, tout est dans l{APOSTROPHE}adresse : {link} {MARKS[0]}"
        return Draft(text, "fr", {link: f"{SITE}/{slug(name)}/{number}"})
    if draw < 0.10:
        return Draft(_ENGLISH.format(n=number, who=who), "en")
    if draw < 0.11:
        return Draft(f"{who} #synthetique", "und")
    return _fill(rng, rng.choice(_NAMING), who, number)


def noise(rng: random.Random, number: int) -> Draft:
    """A text that names nobody."""
    return _fill(rng, rng.choice(_NOISE), "", number)


def _fill(rng: random.Random, template: str, who: str, number: int) -> Draft:
    link = _short_link(rng)
    text = _typeset(template).format(n=number, who=who, link=link, mark=rng.choice(MARKS))
    return Draft(text, "fr", {link: f"{SITE}/page/{number}"} if link in text else {})
