"""How many examples: a few hundred in `make test`, thousands in `make nightly`."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "nightly",
    max_examples=2_500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
