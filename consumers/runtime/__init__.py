"""How roles run: the process, the loop of a role, the resources they share, metrics and gauges.

Every role imports from here; this room imports no role (roles are opened by name).
"""
