"""The params of a pipeline outside of Python: as fields of forms, and as text."""
