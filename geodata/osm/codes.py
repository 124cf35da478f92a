"""What was decided about ways and nodes, one sentence for each code; the report counts them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "no_highway": "不是道路, 也不是所选方式可用的轮渡",
        "not_a_road": "在建、规划、废弃或不供通行的道路 (highway=construction、proposed, abandoned=yes 等)",
        "class_unknown": "道路等级 (highway) 不认识, 未采用",
        "class_closed": "该等级的道路不供所选方式通行",
        "area": "面状的广场或场地 (area=yes), 不是线",
        "service_kind": "小巷、私人车道、停车场内通道等 (service=…), 与 OSMnx 一致不采用",
        "access_closed": "标注禁止通行或私有 (access、motor_vehicle、motorcar、hgv、foot 等中最具体的一项)",
        "access_special": "只供农业、林业车辆通行",
        "emergency_only": "只供特种车辆通行 (emergency=yes)",
        "impassable": "标注无法通行 (impassable、status、smoothness)",
        "seasonal": "只在冬季结冰时存在的道路",
        "motorroad": "汽车专用路, 行人禁行",
        "sidewalk_separate": "人行道另行绘制 (sidewalk=separate), 以人行道为准",
        "reversible": "通行方向随时段变化 (oneway=reversible), 方向不明, 未采用",
        "both_ways_closed": "两个方向都禁止通行",
        "too_heavy": "限重低于车辆总质量",
        "axle": "轴重限制低于车辆轴重",
        "too_high": "限高低于车辆高度",
        "too_wide": "限宽低于车辆宽度",
        "too_long": "限长低于车辆长度",
        "ferry_closed": "轮渡未标注可载所选方式",
        "ferry_unwanted": "按要求不使用轮渡",
        "osmnx_highway": "OSMnx 规则: 道路等级不采用",
        "osmnx_area": "OSMnx 规则: 面状 (area=yes)",
        "osmnx_access": "OSMnx 规则: 私有 (access=private)",
        "osmnx_motor_vehicle": "OSMnx 规则: 机动车禁行 (motor_vehicle=no)",
        "osmnx_motorcar": "OSMnx 规则: 小汽车禁行 (motorcar=no)",
        "osmnx_service": "OSMnx 规则: 小巷、私人车道、停车场内通道等 (service=…)",
        "osmnx_foot": "OSMnx 规则: 行人禁行 (foot=no)",
        "osmnx_sidewalk": "OSMnx 规则: 人行道另行绘制 (sidewalk=separate)",
    }
)
"""Why a way is not used."""

NOTES: Mapping[str, str] = MappingProxyType(
    {
        "speed_posted": "按标注的限速 (maxspeed) 计时",
        "speed_zone": "限速写为地区或步行等文字 (如 CN:urban、zone:30), 按规则表换算",
        "speed_default": "没有可用的限速, 按道路等级的缺省速度计时",
        "speed_most": "标注限速高于所选方式的最高速度, 按最高速度计时",
        "surface_cap": "因路面、平整度、机耕路等级或涉水降低速度",
        "maxspeed_unreadable": "限速读不懂, 未采用",
        "maxspeed_absurd": "限速数值不合理, 未采用",
        "maxspeed_many": "限速写有多个值, 取最低的一个",
        "maxspeed_words": "限速写为 none、signals 等没有数值的文字, 按道路等级的缺省速度计时",
        "oneway_roundabout": "环岛未标注单行, 按单行处理",
        "oneway_motorway": "高速公路未标注单行, 按单行处理",
        "oneway_unknown": "单行标注读不懂, 未采用",
        "oneway_exception": "单行对所选方式另有规定 (如 oneway:motor_vehicle), 以此为准",
        "conveying": "自动扶梯, 只沿运行方向通行",
        "access_limited": "只许到达沿线目的地、送货或办事的道路 (destination 等), 采用",
        "access_unknown": "通行标注读不懂, 未采用, 以下一级标注为准",
        "access_one_way": "一个方向禁止通行",
        "opened_by_tag": "该等级一般不供所选方式通行, 因明确标注允许而采用",
        "limit_unreadable": "限重、限高、限宽等读不懂, 未采用",
        "limit_one_way": "限重、限高等只限一个方向且低于车辆, 该方向不通行",
        "conditional": "另有按时段、天气或用途的规定 (…:conditional), 未计入",
        "first_of_many": "道路等级写有多个值, 取第一个认识的",
        "alias": "旧的或少见的道路等级, 按相近等级处理",
        "ferry_duration": "轮渡按标注的时长 (duration) 计时, 不含候船",
        "ferry_speed": "轮渡没有标注时长, 按缺省航速计时, 不含候船",
        "duration_unreadable": "轮渡时长读不懂, 未采用",
        "beyond_osmnx": "OSMnx 的规则不采用, 本程序采用",
        "osmnx_keeps": "OSMnx 的规则采用, 本程序不采用",
        "osmnx_direction": "通行方向与 OSMnx 的规则不同",
        "barrier_closed": "障碍物 (路桩、栅栏等) 使道路在此断开",
        "barrier_closed_by_tag": "障碍物标注禁止通行, 道路在此断开",
        "barrier_opened_by_tag": "障碍物标注允许通行",
        "barrier_locked": "大门上锁, 道路在此断开",
        "barrier_passed": "可通过的障碍物 (大门、收费站、栏杆等), 按可通行处理",
        "node_limit": "节点上的限重、限高、限宽低于车辆, 道路在此断开",
        "node_access": "没有障碍物的节点标注禁止通行, 按可通行处理",
        "seconds_added": "通过收费站、信号灯等加计时间",
    }
)
"""Choices made about ways and nodes that count in the report."""

CODES: Mapping[str, str] = MappingProxyType({**LEFT_OUT, **NOTES})
"""Every code with its sentence."""
