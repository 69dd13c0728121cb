"""The operator's commands: doctor, audit, dead letters, reconcile.

`python -m consumers <command>` enters through `cli`.
"""
