"""Metres of Baidu's web map (BD-09 MC) → degrees of BD-09: the pair behind @ in links of map.baidu.com.

Baidu's scripts evaluate a polynomial of degree six per band of northings; the coefficients are those that its
JavaScript API ships and that open converters share. Degrees come out within 1e-6 of Baidu's own inverse.
"""

from __future__ import annotations

_BANDS = (
    (12890594.86, (
        1.410526172116255e-8, 0.00000898305509648872, -1.9939833816331, 200.9824383106796,
        -187.2403703815547, 91.6087516669843, -23.38765649603339, 2.57121317296198, -0.03801003308653,
        17337981.2)),
    (8362377.87, (
        -7.435856389565537e-9, 0.000008983055097726239, -0.78625201886289, 96.32687599759846,
        -1.85204757529826, -59.36935905485877, 47.40033549296737, -16.50741931063887, 2.28786674699375,
        10260144.86)),
    (5591021.0, (
        -3.030883460898826e-8, 0.00000898305509983578, 0.30071316287616, 59.74293618442277,
        7.357984074871, -25.38371002664745, 13.45380521110908, -3.29883767235584, 0.32710905363475,
        6856817.37)),
    (3481989.83, (
        -1.981981304930552e-8, 0.000008983055099779535, 0.03278182852591, 40.31678527705744,
        0.65659298677277, -4.44255534477492, 0.85341911805263, 0.12923347998204, -0.04625736007561,
        4482777.06)),
    (1678043.12, (
        3.09191371068437e-9, 0.000008983055096812155, 0.00006995724062, 23.10934304144901,
        -0.00023663490511, -0.6321817810242, -0.00663494467273, 0.03430082397953, -0.00466043876332,
        2555164.4)),
    (0.0, (
        2.890871144776878e-9, 0.000008983055095805407, -3.068298e-8, 7.47137025468032,
        -0.00000353937994, -0.02145144861037, -0.00001234426596, 0.00010322952773, -0.00000323890364,
        826088.5)),
)  # fmt: skip
"""Least northing of a band, metres, with its ten numbers: two for the longitude, seven and a scale for the
latitude."""


def to_degrees(x: float, y: float) -> tuple[float, float]:
    """Turn metres of Baidu's map into degrees (longitude, latitude) of BD-09, north of the equator.

    Examples
    --------
    >>> lon, lat = to_degrees(12958160.97, 4825907.72)
    >>> print(f"{lon:.6f} {lat:.6f}")
    116.403874 39.914889
    """
    numbers = next(numbers for least, numbers in _BANDS if y >= least)
    share = y / numbers[9]
    lat = 0.0
    for number in reversed(numbers[2:9]):
        lat = lat * share + number
    return numbers[0] + numbers[1] * x, lat
