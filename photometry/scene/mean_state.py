"""What a mean scene shows, put into the state of a tile and into the background of its nodes."""

from dataclasses import replace

from photometry.scene.mean_scene import MeanStep
from photometry.scene.tile_model import TileModel
from photometry.scene.tile_state import TileState

__all__ = ["with_mean"]


def with_mean(model: TileModel, state: TileState, mean: MeanStep) -> tuple[TileModel, TileState]:
    """Return model and state with an improved mean scene, whose local background then counts as known.

    The background that was split off the pixels may be off by more than itself: the darkest pixels of a crowded field
    hold starlight. What is left of it would be too large for the single precision of the fit, and in the noise.

    Parameters
    ----------
    model : TileModel
        Stars about the nodes.
    state : TileState
        What was known before.
    mean : MeanStep
        The improved mean scene.
    """
    nodes = tuple(replace(node, sky=node.sky + model.local_basis @ mean.local) for node in model.nodes)
    motion = replace(state.motion, local=state.motion.local + mean.local)
    state = replace(
        state, flux=mean.flux, mean_residual=mean.mean_residual, model_error=mean.model_error, motion=motion
    )
    return replace(model, nodes=nodes), state
