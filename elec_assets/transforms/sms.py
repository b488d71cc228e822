"""Texts that fit one SMS: at most 160 characters of the GSM-7 alphabet (3GPP TS 23.038), and SNS's subjects.

One character outside the alphabet makes the whole text UCS-2, 70 characters: `François` and `Zoë` do, `Édouard` does
not. So only what is outside is folded to its nearest letters.
"""

import unicodedata

SMS_SEPTETS = 160
"""Length of one SMS in septets; a longer text is sent, and billed, in parts."""
SUBJECT_CHARACTERS = 99
"""SNS takes subjects of less than 100 characters."""
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"
_COST = {**dict.fromkeys(_BASIC, 1), **dict.fromkeys(_EXTENDED, 2)}
# Letters and signs that decomposition does not reach: quotation marks and dashes, then the rest.
_NEAREST = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4\u02bc", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033«»", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **{"…": "...", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th"},
    **{
        "Þ": "Th",
        "\u0131": "i",
        "ħ": "h",
        "Ħ": "H",
        "·": ".",
        "•": "-",
        "→": "->",
        "≥": ">=",
        "≤": "<=",
        "\u00d7": "x",
    },
}
_UNKNOWN = "?"
_CUT = "..."


def septets(text: str) -> int | None:
    """Length of a text in septets of GSM-7; None if it holds a character outside the alphabet."""
    costs = [_COST.get(character) for character in text]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def gsm(text: str) -> str:
    """The text in GSM-7, on one line: characters of the alphabet stay, others become their nearest letters, or `?`."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(_gsm(character) for character in composed).split())


def cut(text: str, most: int = SMS_SEPTETS) -> str:
    """The beginning of a GSM-7 text that fits so many septets, `...` where something is missing."""
    if (septets(text) or 0) <= most:
        return text
    kept, length = [], len(_CUT)
    for character in text:
        length += _COST.get(character, 1)
        if length > most:
            break
        kept.append(character)
    return ("".join(kept).rstrip() + _CUT)[:most]


def shortened(text: str, most: int) -> str:
    """The text in at most so many characters, its middle left out: the end of an asset's key tells most."""
    if len(text) <= most:
        return text
    head = max(0, (most - 2) // 3)
    return (text[:head] + ".." + text[len(text) - (most - 2 - head) :])[:most]


def subject(text: str) -> str:
    """A subject as SNS takes it: printable ASCII, one line, 1 to 99 characters, a letter, digit or sign first."""
    folded = unicodedata.normalize("NFKD", gsm(text)).encode("ascii", "ignore").decode()
    line = " ".join("".join(c if c.isprintable() else " " for c in folded).split())
    return cut(line, SUBJECT_CHARACTERS) or "elec_assets"


def _gsm(character: str) -> str:
    if character in _COST or character.isspace():
        return character
    if character in _NEAREST:
        return _NEAREST[character]
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if base and all(c in _COST or c.isspace() for c in base):
        return base
    return "" if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc") else _UNKNOWN
