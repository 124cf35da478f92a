"""A point written in every notation that people paste, to be read back."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from boai.geodata import baidu_mercator, datums

Writer = Callable[[float, float], str]


def _dms(value: float, marks: tuple[str, str, str], digits: int = 2) -> str:
    """Degrees, minutes and seconds with the carry where seconds would round up to 60."""
    unit = 10**digits
    whole = round(value * 3600 * unit)
    minutes, rest = divmod(whole, 60 * unit)
    d, m = divmod(minutes, 60)
    seconds = f"{rest // unit:02d}" + (f".{rest % unit:0{digits}d}" if digits else "")
    return f"{d}{marks[0]}{m:02d}{marks[1]}{seconds}{marks[2]}"


def _minutes(value: float) -> str:
    whole = round(value * 60 * 10_000)
    d, rest = divmod(whole, 600_000)
    return f"{d}°{rest // 10_000:02d}.{rest % 10_000:04d}′"


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


SIGNS, CHINESE, HYPHENS, BLANKS, COLONS, PLAIN = (
    ("°", "'", '"'), ("度", "分", "秒"), ("-", "-", ""), (" ", " ", ""), (":", ":", ""), ("", "", ""),
)  # fmt: skip

WRITERS: dict[str, Writer] = {
    "lon,lat": lambda x, y: f"{x:.6f},{y:.6f}",
    "lat,lon": lambda x, y: f"{y:.6f}, {x:.6f}",
    "blank": lambda x, y: f"{x:.6f} {y:.6f}",
    "Chinese comma": lambda x, y: f"{x:.6f}，{y:.6f}",
    "brackets": lambda x, y: f"（{x:.6f}，{y:.6f}）",
    "full width": lambda x, y: _wide(f"{x:.6f},{y:.6f}"),
    "labels": lambda x, y: f"经度：{x:.6f}，纬度：{y:.6f}",
    "labels, lat first": lambda x, y: f"纬度{y:.6f} 经度{x:.6f}",
    "short labels": lambda x, y: f"经 {x:.6f} 纬 {y:.6f}",
    "both": lambda x, y: f"经纬度：{x:.6f},{y:.6f}",
    "east": lambda x, y: f"东经{x:.6f}° 北纬{y:.6f}°",
    "letters in front": lambda x, y: f"N{y:.6f} E{x:.6f}",
    "letters behind": lambda x, y: f"{y:.6f}N,{x:.6f}E",
    "query": lambda x, y: f"lng={x:.6f}&lat={y:.6f}",
    "json": lambda x, y: f'{{"lng":{x:.6f},"lat":{y:.6f}}}',
    "wkt": lambda x, y: f"POINT({x:.6f} {y:.6f})",
    "signs": lambda x, y: f"{_dms(y, SIGNS)}N {_dms(x, SIGNS)}E",
    "signs, no letters": lambda x, y: f"{_dms(x, SIGNS)}, {_dms(y, SIGNS)}",
    "primes": lambda x, y: f"东经{_dms(x, ('°', '′', '″'))}北纬{_dms(y, ('°', '′', '″'))}",
    "degrees in words": lambda x, y: f"{_dms(y, CHINESE)} {_dms(x, CHINESE)}",
    "east in words": lambda x, y: f"东经{_dms(x, CHINESE)}，北纬{_dms(y, CHINESE)}",
    "hyphens": lambda x, y: f"{_dms(x, HYPHENS)} {_dms(y, HYPHENS)}",
    "colons": lambda x, y: f"{_dms(y, COLONS)} {_dms(x, COLONS)}",
    "blanks": lambda x, y: f"{_dms(x, BLANKS)} {_dms(y, BLANKS)}",
    "letters for marks": lambda x, y: f"{_dms(y, ('d', 'm', 's'))} N {_dms(x, ('d', 'm', 's'))} E",
    "decimal minutes": lambda x, y: f"{_minutes(y)}N {_minutes(x)}E",
    "packed": lambda x, y: f"{_dms(x, PLAIN)},{_dms(y, PLAIN)}",
    "millionths": lambda x, y: f"{x * 1e6:.0f},{y * 1e6:.0f}",
    "with a height": lambda x, y: f"{x:.6f},{y:.6f} 高程 120.5米",
    "in a sentence": lambda x, y: f"黄坳乡卫生院({x:.6f},{y:.6f})请派车",
    "geo": lambda x, y: f"geo:{y:.6f},{x:.6f};u=20",
}  # fmt: skip
"""Notations that hold in any system of degrees."""

SAYS = {"WGS84": "WGS84", "GCJ-02": "高德", "BD-09": "百度坐标", "CGCS2000": "CGCS2000"}
"""How a text names a system."""


def _baidu_metres(x: float, y: float) -> str:
    """Find the metres of Baidu's map by Newton's method on its inverse, whose axes are apart."""
    east, north = 1.27e7, 3.3e6
    for _ in range(20):
        lon, lat = baidu_mercator.to_degrees(east, north)
        east += (x - lon) / ((baidu_mercator.to_degrees(east + 1, north)[0]) - lon)
        north += (y - lat) / ((baidu_mercator.to_degrees(east, north + 1)[1]) - lat)
    return f"{east:.2f},{north:.2f}"


LINKS: dict[str, tuple[str, Writer]] = {
    "高德标注": ("GCJ-02", lambda x, y: f"https://uri.amap.com/marker?position={x:.6f},{y:.6f}&name={quote('黄坳')}"),
    "高德导航": ("GCJ-02",
             lambda x, y: f"https://uri.amap.com/navigation?from=115.1,28.1,a&to={x:.6f},{y:.6f},b&mode=car"),
    "高德分享": ("GCJ-02", lambda x, y: f"https://wb.amap.com/?p=B0FFG9ABC1,{y:.6f},{x:.6f},黄坳乡,修水"),
    "高德原始": ("WGS84", lambda x, y: f"https://uri.amap.com/marker?position={x:.6f},{y:.6f}&coordinate=wgs84"),
    "高德应用": ("WGS84", lambda x, y: f"androidamap://viewMap?poiname=a&lat={y:.6f}&lon={x:.6f}&dev=1"),
    "高德无协议": ("GCJ-02", lambda x, y: f"看这里 ditu.amap.com/regeo?lng={x:.6f}&lat={y:.6f}"),
    "百度标注": ("BD-09", lambda x, y: f"http://api.map.baidu.com/marker?location={y:.6f},{x:.6f}&title=a&output=html"),
    "百度国测": ("GCJ-02",
             lambda x, y: f"http://api.map.baidu.com/marker?location={y:.6f},{x:.6f}&coord_type=gcj02"),
    "百度墨卡托": ("BD-09", lambda x, y: f"https://map.baidu.com/poi/黄坳/@{_baidu_metres(x, y)},15z"),
    "腾讯标注": ("GCJ-02",
             lambda x, y: f"https://apis.map.qq.com/uri/v1/marker?marker=coord:{y:.6f},{x:.6f};title:a;addr:b"),
    "腾讯网页": ("GCJ-02", lambda x, y: f"https://map.qq.com/?type=marker&pointx={x:.6f}&pointy={y:.6f}&name=a"),
    "腾讯导航": ("GCJ-02", lambda x, y: f"qqmap://map/routeplan?fromcoord=28.1,115.2&tocoord={y:.6f},{x:.6f}"),
    "天地图": ("CGCS2000", lambda x, y: f"https://map.tianditu.gov.cn/?center={x:.6f},{y:.6f}&zoom=12"),
    "谷歌视图": ("WGS84", lambda x, y: f"https://www.google.com/maps/@{y:.6f},{x:.6f},15z"),
    "谷歌地点": ("WGS84",
             lambda x, y: f"https://www.google.com/maps/place/X/@29.1,114.6,17z/data=!3m1!8m2!3d{y:.6f}!4d{x:.6f}"),
    "谷歌搜索": ("WGS84", lambda x, y: f"https://www.google.com/maps/search/?api=1&query={y:.6f}%2C{x:.6f}"),
    "OSM": ("WGS84", lambda x, y: f"https://www.openstreetmap.org/#map=15/{y:.6f}/{x:.6f}"),
    "OSM标注": ("WGS84", lambda x, y: f"https://www.openstreetmap.org/?mlat={y:.6f}&mlon={x:.6f}#map=9/28.1/115.2"),
    "苹果": ("WGS84", lambda x, y: f"https://maps.apple.com/?ll={y:.6f},{x:.6f}&q=a"),
    "geo": ("WGS84", lambda x, y: f"geo:0,0?q={y:.6f},{x:.6f}(黄坳)"),
}  # fmt: skip
"""Links of services: the system of their numbers, and how they write a point."""


def written(kind: str, system: str, lon: float, lat: float) -> str:
    """Write a point, WGS84 degrees, in a notation and a system of degrees."""
    x, y = datums.from_wgs84([lon], [lat], system=system)
    return WRITERS[kind](float(x[0]), float(y[0]))


def linked(kind: str, lon: float, lat: float) -> str:
    """Write a point, WGS84 degrees, as a link."""
    system, write = LINKS[kind]
    x, y = datums.from_wgs84([lon], [lat], system=system)
    return write(float(x[0]), float(y[0]))
