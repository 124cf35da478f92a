"""A standards file of an office: one layer, on foot."""

HOME = """
standards:
  home:
    name: 测试
    mode: walk
    limits_m: [500, 1500]
    main_m: 1500
    detour: 1.3
    min_density: 300
    source: 测试
    confidence: C
"""
