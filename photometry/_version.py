"""The version of the software, the only place that holds it."""

__version__ = "0.1.0"
