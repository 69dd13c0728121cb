"""The operator's commands: the screen, doctor, audit, dead letters, reconcile.

`python -m consumers <command>` enters through `cli`.
"""
