"""How long to look: a little in `make test`, long in `make fuzz` (FUZZ: examples for each target)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ", "0"))

fuzz = settings(
    max_examples=EXAMPLES or 40,
    derandomize=not EXAMPLES,
    database=None if not EXAMPLES else settings().database,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
"""What every target runs under: the same examples in `make test` each time, new ones in `make fuzz`."""
