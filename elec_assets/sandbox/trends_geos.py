"""The places that the sandbox of Google Trends knows: codes and English names, weight and clock.

World countries are the 250 that Google lists (recorded 2023-03). For France ISO 3166-2 has had both the 22 regions
before 2016 (`FR-A` to `FR-V`) and the 13 after (`FR-IDF`, ...), and no recording shows which Google sends today: so
the default mixes them, and `french` chooses. Weights are searches relative to each other, roughly.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

FrenchRegions = Literal["mixed", "old", "new"]
FRENCH_REGIONS: tuple[FrenchRegions, ...] = get_args(FrenchRegions)
WORLD = ""
# Where French candidates are searched for beside France.
FRENCH_SPEAKING = frozenset(
    ("BE", "CH", "LU", "MC", "RE", "GP", "MQ", "GF", "YT", "NC", "PF", "CI", "SN", "CM", "MA", "TN", "DZ")
)

_COUNTRIES = """
AD Andorra; AE United Arab Emirates; AF Afghanistan; AG Antigua & Barbuda; AI Anguilla; AL Albania; AM Armenia; AO
Angola; AQ Antarctica; AR Argentina; AS American Samoa; AT Austria; AU Australia; AW Aruba; AX Åland Islands; AZ
Azerbaijan; BA Bosnia & Herzegovina; BB Barbados; BD Bangladesh; BE Belgium; BF Burkina Faso; BG Bulgaria; BH Bahrain;
BI Burundi; BJ Benin; BL St. Barthélemy; BM Bermuda; BN Brunei; BO Bolivia; BQ Caribbean Netherlands; BR Brazil; BS
Bahamas; BT Bhutan; BV Bouvet Island; BW Botswana; BY Belarus; BZ Belize; CA Canada; CC Cocos (Keeling) Islands; CD
Congo - Kinshasa; CF Central African Republic; CG Congo - Brazzaville; CH Switzerland; CI Côte d\u2019Ivoire; CK Cook
Islands; CL Chile; CM Cameroon; CN China; CO Colombia; CR Costa Rica; CU Cuba; CV Cape Verde; CW Curaçao; CX Christmas
Island; CY Cyprus; CZ Czechia; DE Germany; DJ Djibouti; DK Denmark; DM Dominica; DO Dominican Republic; DZ Algeria; EC
Ecuador; EE Estonia; EG Egypt; EH Western Sahara; ER Eritrea; ES Spain; ET Ethiopia; FI Finland; FJ Fiji; FK Falkland
Islands (Islas Malvinas); FM Micronesia; FO Faroe Islands; FR France; GA Gabon; GB United Kingdom; GD Grenada; GE
Georgia; GF French Guiana; GG Guernsey; GH Ghana; GI Gibraltar; GL Greenland; GM Gambia; GN Guinea; GP Guadeloupe; GQ
Equatorial Guinea; GR Greece; GS South Georgia & South Sandwich Islands; GT Guatemala; GU Guam; GW Guinea-Bissau; GY
Guyana; HK Hong Kong; HM Heard & McDonald Islands; HN Honduras; HR Croatia; HT Haiti; HU Hungary; ID Indonesia; IE
Ireland; IL Israel; IM Isle of Man; IN India; IO British Indian Ocean Territory; IQ Iraq; IR Iran; IS Iceland; IT
Italy; JE Jersey; JM Jamaica; JO Jordan; JP Japan; KE Kenya; KG Kyrgyzstan; KH Cambodia; KI Kiribati; KM Comoros; KN
St. Kitts & Nevis; KP North Korea; KR South Korea; KW Kuwait; KY Cayman Islands; KZ Kazakhstan; LA Laos; LB Lebanon;
LC St. Lucia; LI Liechtenstein; LK Sri Lanka; LR Liberia; LS Lesotho; LT Lithuania; LU Luxembourg; LV Latvia; LY
Libya; MA Morocco; MC Monaco; MD Moldova; ME Montenegro; MF St. Martin; MG Madagascar; MH Marshall Islands; MK North
Macedonia; ML Mali; MM Myanmar (Burma); MN Mongolia; MO Macao; MP Northern Mariana Islands; MQ Martinique; MR
Mauritania; MS Montserrat; MT Malta; MU Mauritius; MV Maldives; MW Malawi; MX Mexico; MY Malaysia; MZ Mozambique; NA
Namibia; NC New Caledonia; NE Niger; NF Norfolk Island; NG Nigeria; NI Nicaragua; NL Netherlands; NO Norway; NP Nepal;
NR Nauru; NU Niue; NZ New Zealand; OM Oman; PA Panama; PE Peru; PF French Polynesia; PG Papua New Guinea; PH
Philippines; PK Pakistan; PL Poland; PM St. Pierre & Miquelon; PN Pitcairn Islands; PR Puerto Rico; PS Palestine; PT
Portugal; PW Palau; PY Paraguay; QA Qatar; RE Réunion; RO Romania; RS Serbia; RU Russia; RW Rwanda; SA Saudi Arabia;
SB Solomon Islands; SC Seychelles; SD Sudan; SE Sweden; SG Singapore; SH St. Helena; SI Slovenia; SJ Svalbard & Jan
Mayen; SK Slovakia; SL Sierra Leone; SM San Marino; SN Senegal; SO Somalia; SR Suriname; SS South Sudan; ST São Tomé &
Príncipe; SV El Salvador; SX Sint Maarten; SY Syria; SZ Eswatini; TC Turks & Caicos Islands; TD Chad; TF French
Southern Territories; TG Togo; TH Thailand; TJ Tajikistan; TK Tokelau; TL Timor-Leste; TM Turkmenistan; TN Tunisia; TO
Tonga; TR Turkey; TT Trinidad & Tobago; TV Tuvalu; TW Taiwan; TZ Tanzania; UA Ukraine; UG Uganda; UM U.S. Outlying
Islands; US United States; UY Uruguay; UZ Uzbekistan; VA Vatican City; VC St. Vincent & Grenadines; VE Venezuela; VG
British Virgin Islands; VI U.S. Virgin Islands; VN Vietnam; VU Vanuatu; WF Wallis & Futuna; WS Samoa; XK Kosovo; YE
Yemen; YT Mayotte; ZA South Africa; ZM Zambia; ZW Zimbabwe
"""
_WEIGHTS = """
US 300 IN 260 BR 120 JP 95 ID 90 RU 85 MX 75 DE 72 GB 62 FR 56 NG 50 TR 52 VN 48 IT 47 KR 46 ES 43 TH 42 PH 45
EG 40 PK 38 BD 35 CO 34 AR 36 PL 33 CA 36 IR 30 ZA 28 UA 26 SA 26 MY 25 AU 24 MA 22 DZ 20 NL 17 PE 18 CL 16 RO
15 IQ 15 BE 11 SE 10 GR 9 PT 9 CZ 9 HU 8 CH 9 AT 8 TN 7 IL 8 CN 10 HK 7 TW 20 SG 6 KE 12 GH 10 CI 9 SN 7 CM 7
CD 6 DK 6 FI 5 NO 5 IE 5 NZ 5 RE 0.9 GP 0.4 MQ 0.4 GF 0.3 LU 0.6 MC 0.05
"""
# Hours ahead of UTC, in winter; where not named, 0.
_OFFSETS = """
US -6 CA -5 MX -6 BR -3 AR -3 CL -4 CO -5 PE -5 GB 0 IE 0 PT 0 MA 1 DZ 1 TN 1 FR 1 DE 1 IT 1 ES 1 BE 1 CH 1 NL
1 AT 1 PL 1 CZ 1 HU 1 SE 1 NO 1 DK 1 RO 2 GR 2 FI 2 UA 2 EG 2 ZA 2 IL 2 TR 3 RU 3 SA 3 IQ 3 KE 3 IR 3 PK 5 IN
5 BD 6 TH 7 VN 7 ID 7 CN 8 HK 8 TW 8 SG 8 MY 8 PH 8 JP 9 KR 9 AU 10 NZ 12 RE 4 GP -4 MQ -4 GF -3 NC 11 PF -10
NG 1 CM 1 CD 1
"""
_FRANCE_OLD = """
FR-A Alsace 2.9; FR-B Aquitaine 5.2; FR-C Auvergne 2.1; FR-D Burgundy 2.5; FR-E Brittany 5.1
FR-F Centre-Val de Loire 4.0; FR-G Champagne-Ardenne 2.0; FR-H Corsica 0.5; FR-I Franche-Comté 1.8
FR-J Île-de-France 19.0; FR-K Languedoc-Roussillon 4.3; FR-L Limousin 1.1; FR-M Lorraine 3.6
FR-N Midi-Pyrénées 4.7; FR-O Nord-Pas-de- Calais 6.3; FR-P Lower Normandy 2.3; FR-Q Upper Normandy 2.9
FR-R Pays de la Loire 5.8; FR-S Picardy 3.0; FR-T Poitou-Charentes 2.8
FR-U Provence-Alpes-Côte d'Azur 7.8; FR-V Rhone-Alpes 10.3
"""
# New regions: code, English name, and the old ones they are made of.
_FRANCE_NEW = """
FR-ARA Auvergne-Rhône-Alpes = C V; FR-BFC Bourgogne-Franche-Comté = D I; FR-BRE Brittany = E
FR-CVL Centre-Val de Loire = F; FR-COR Corsica = H; FR-GES Grand Est = A G M; FR-HDF Hauts-de-France = O S
FR-IDF Île-de-France = J; FR-NOR Normandy = P Q; FR-NAQ Nouvelle-Aquitaine = B L T; FR-OCC Occitanie = K N
FR-PDL Pays de la Loire = R; FR-PAC Provence-Alpes-Côte d'Azur = U
"""
_STATES = """
AL Alabama 5.0; AK Alaska 0.7; AZ Arizona 7.3; AR Arkansas 3.0; CA California 39.2; CO Colorado 5.8; CT Connecticut 3.6
DE Delaware 1.0; DC District of Columbia 0.7; FL Florida 21.8; GA Georgia 10.8; HI Hawaii 1.4; ID Idaho 1.9
IL Illinois 12.7; IN Indiana 6.8; IA Iowa 3.2; KS Kansas 2.9; KY Kentucky 4.5; LA Louisiana 4.6; ME Maine 1.4
MD Maryland 6.2; MA Massachusetts 7.0; MI Michigan 10.0; MN Minnesota 5.7; MS Mississippi 2.9; MO Missouri 6.2
MT Montana 1.1; NE Nebraska 2.0; NV Nevada 3.1; NH New Hampshire 1.4; NJ New Jersey 9.3; NM New Mexico 2.1
NY New York 19.8; NC North Carolina 10.6; ND North Dakota 0.8; OH Ohio 11.8; OK Oklahoma 4.0; OR Oregon 4.2
PA Pennsylvania 13.0; RI Rhode Island 1.1; SC South Carolina 5.2; SD South Dakota 0.9; TN Tennessee 7.0; TX Texas 29.5
UT Utah 3.3; VT Vermont 0.6; VA Virginia 8.6; WA Washington 7.7; WV West Virginia 1.8; WI Wisconsin 5.9; WY Wyoming 0.6
"""


# Code, name, weight, parts.
_Region = tuple[str, str, float, tuple[str, ...]]
# Latitude, longitude, name, weight, region.
_CITIES = """
48.856614,2.352222 Paris 2.6 FR-J; 43.296482,5.36978 Marseille 0.8 FR-U; 45.764043,4.835659 Lyon 0.8 FR-V
43.604652,1.444209 Toulouse 0.5 FR-N; 43.710173,7.261953 Nice 0.3 FR-U; 47.218371,-1.553621 Nantes 0.3 FR-R
43.610769,3.876716 Montpellier 0.3 FR-K; 48.573405,7.752111 Strasbourg 0.3 FR-A; 44.837789,-0.57918 Bordeaux 0.3 FR-B
50.62925,3.057256 Lille 0.3 FR-O; 48.117266,-1.677793 Rennes 0.2 FR-E; 40.712776,-74.005974 New York 8.0 US-NY
34.052234,-118.243685 Los Angeles 4.0 US-CA; 41.878113,-87.629799 Chicago 2.7 US-IL
"""


@dataclass(frozen=True, slots=True)
class Geo:
    """A place.

    Attributes:
        code: `FR`, `FR-J`, ...; of a city its region's, a slash and its name.
        name: in English.
        weight: its searches, in the unit of France's 56.
        offset_h: hours ahead of UTC.
        coordinates: latitude and longitude; cities alone have them.
        parts: of a region, the codes it is made of in the list of old ones; its own, where it is in that list.
    """

    code: str
    name: str
    weight: float
    offset_h: int = 0
    parts: tuple[str, ...] = ()
    coordinates: tuple[float, float] | None = None

    @property
    def country(self) -> str:
        """The country's code: `FR` of `FR-J`."""
        return self.code.split("-")[0]


@lru_cache(maxsize=1)
def countries() -> dict[str, Geo]:
    """All countries by code."""
    words, clocks = _WEIGHTS.split(), _OFFSETS.split()
    weights = {code: float(weight) for code, weight in zip(words[::2], words[1::2], strict=True)}
    offsets = {code: int(hours) for code, hours in zip(clocks[::2], clocks[1::2], strict=True)}
    named = [entry.split(" ", 1) for entry in " ".join(_COUNTRIES.split()).split("; ")]
    return {code: Geo(code, name, weights.get(code) or _small(code), offsets.get(code, 0)) for code, name in named}


@lru_cache(maxsize=len(FRENCH_REGIONS) * 2)
def regions(country: str, french: FrenchRegions = "mixed") -> dict[str, Geo]:
    """The regions of a country by code; none but for FR and US. Their weights add up to the country's."""
    if country == "US":
        found = [_whole(f"US-{code}", name, weight) for code, name, weight in _entries(_STATES)]
    elif country == "FR":
        found = _france(french)
    else:
        return {}
    whole = countries()[country]
    unit = whole.weight / sum(weight for _, _, weight, _ in found)
    return {code: Geo(code, name, weight * unit, whole.offset_h, parts) for code, name, weight, parts in found}


@lru_cache(maxsize=1)
def cities() -> tuple[Geo, ...]:
    """The cities, each with the affinity and the clock of its region."""
    found = []
    for entry in _split(_CITIES):
        where, rest = entry.split(" ", 1)
        name, weight, region = rest.rsplit(" ", 2)
        latitude, longitude = where.split(",")
        offset = countries()[region.split("-")[0]].offset_h
        place = (float(latitude), float(longitude))
        found.append(Geo(f"{region}/{name}", name, float(weight), offset, (region,), place))
    return tuple(found)


@lru_cache(maxsize=1024)
def find(code: str) -> Geo | None:
    """A country or region, by any code that some list has; None if there is none. The world is not asked here."""
    if code in countries():
        return countries()[code]
    country = code.split("-")[0]
    return next((known for style in FRENCH_REGIONS if (known := regions(country, style).get(code))), None)


def _france(style: FrenchRegions) -> list[_Region]:
    old = {code: _whole(code, name, weight) for code, name, weight in _entries(_FRANCE_OLD)}
    if style == "old":
        return list(old.values())
    found: list[_Region] = []
    for entry in _split(_FRANCE_NEW):
        whole, letters = entry.split(" = ")
        code, name = whole.split(" ", 1)
        parts = tuple(f"FR-{letter}" for letter in letters.split())
        if style == "mixed" and len(parts) > 1:
            # Merged in 2016: still the old ones.
            found += [old[part] for part in parts]
        else:
            found.append((code, name, sum(old[part][2] for part in parts), parts))
    return found


def _whole(code: str, name: str, weight: float) -> _Region:
    return code, name, weight, (code,)


def _split(text: str) -> list[str]:
    return [entry.strip() for line in text.strip().splitlines() for entry in line.split(";") if entry.strip()]


def _entries(text: str) -> list[tuple[str, str, float]]:
    parts = [(entry.split(" ", 1)[0], *entry.split(" ", 1)[1].rsplit(" ", 1)) for entry in _split(text)]
    return [(code, name, float(weight)) for code, name, weight in parts]


def _small(code: str) -> float:
    """A weight of 0.01 to 5 for a country without one of its own: the same everywhere."""
    return float(10 ** (hashlib.sha256(code.encode()).digest()[0] / 256 * 2.7 - 2))
