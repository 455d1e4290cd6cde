"""A figure that says why there is nothing to show."""

from matplotlib.figure import Figure

__all__ = ["note_figure"]


def note_figure(text: str) -> Figure:
    """Show a text in place of a figure that has no data."""
    figure = Figure(figsize=(8, 2))
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure
