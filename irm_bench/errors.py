"""Faults of what a user brings."""


class PluginError(ValueError):
    """A plugin that does not keep its contract: names its file, what it gave and what is needed."""
