"""Limits that OSMnx 2.1 reads where ``maxspeed`` names a zone (``routing._IMPLICIT_MAXSPEEDS``, MIT).

Only for networks that are to be equal to OSMnx's; boai's own zones are in ``tables/osm_rules.yaml``.
"""

from __future__ import annotations

_BY_KMH = {
    10.0: "RS:living_street",
    15.0: "DE:living_street",
    20.0: (
        "BE:living_street BG:living_street BY:living_street CZ:living_street CZ:pedestrian_zone "
        "ES:living_street HU:living_street RU:living_street SK:living_street TR:living_street "
        "UA:living_street "
    ),
    30.0: (
        "AT:bicycle_road BE-BRU:urban BE:cyclestreet BE:zone30 DE:bicycle_road ES:zone30 FR:zone30 "
        "PH:urban TR:zone30 UZ:living_street "
    ),
    40.0: "AR:urban",
    48.28: "GB:nsl_restricted",
    50.0: (
        "AT:urban BE-VLG:urban BE-WAL:urban BG:urban CA-BC:urban CA-MB:urban CA-ON:urban CA-QC:urban "
        "CH:urban CZ:urban DE:urban DK:urban EE:urban ES:urban FI:urban FR:urban GR:urban HU:urban "
        "IT:urban LT:urban NO:urban PT:urban RO:urban RS:urban SE:urban SI:urban SK:urban TR:urban "
        "UA:urban "
    ),
    60.0: "AR:urban:primary AR:urban:secondary BY:urban JP:nsl RU:urban",
    65.0: "CA-AB:urban",
    70.0: "BE-BRU:rural BE-VLG:rural SE:rural UZ:urban",
    75.0: "CA-QC:rural",
    80.0: (
        "CA-BC:rural CA-ON:rural CA-SK:nsl CH:rural CZ:urban_motorway CZ:urban_trunk DE:rural DK:rural "
        "FI:rural FR:rural NO:rural PH:rural RS:rural "
    ),
    90.0: (
        "BE-WAL:rural BG:rural BY:rural CA-AB:rural CA-MB:rural CZ:rural EE:rural ES:rural ES:trunk "
        "GR:rural HU:rural IT:rural LT:rural PT:rural RO:rural RU:rural SI:rural SK:motorway_urban "
        "SK:rural SK:trunk TR:rural UA:rural "
    ),
    96.56: "UK:nsl_single",
    100.0: (
        "AT:rural AT:trunk CA-QC:motorway CH:trunk FI:trunk JP:express PH:express PT:trunk RO:trunk "
        "RS:trunk UZ:rural "
    ),
    110.0: (
        "AR:rural BY:motorway CZ:trunk GR:trunk HU:trunk IT:trunk RU:motorway SI:trunk TR:trunk UA:trunk "
        "UZ:motorway "
    ),
    112.65: "UK:motorway UK:nsl_dual",
    120.0: (
        "BE:motorway BE:trunk BG:trunk CH:motorway DE:motorway ES:motorway FI:motorway FR:motorway "
        "PT:motorway "
    ),
    130.0: (
        "AT:motorway CZ:motorway DK:motorway GR:motorway HU:motorway IT:motorway RO:motorway RS:motorway "
        "SI:motorway SK:motorway TR:motorway UA:motorway "
    ),
    140.0: "BG:motorway",
}

LIMITS = {zone: float(kmh) for kmh, zones in _BY_KMH.items() for zone in zones.split()}
"""km/h by the value of ``maxspeed``, as it is written."""
