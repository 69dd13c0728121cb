"""`python -m schemas` writes the JSON Schema of the events to the standard output."""

import json
import sys

from .document import json_schema

sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
