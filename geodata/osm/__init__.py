"""Real roads: from OpenStreetMap files, Overpass, saved graphs and line layers to a Network.

``raw`` (what a file says) → ``rules`` (what it means for a mode) → ``pieces`` (the graph before folding) →
``build`` (component, folding, order) → Network. The door is ``boai.geodata.roads``.
"""
