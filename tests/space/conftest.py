"""Settings of the property tests of this room."""

from hypothesis import settings

settings.register_profile("space", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("space")
