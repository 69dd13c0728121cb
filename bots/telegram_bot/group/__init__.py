"""The configured group itself: who is in it, who joins it, whose rights change.

The router and the commands use it. Features that follow the group and no message belong here.
"""
