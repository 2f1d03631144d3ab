"""Networks of the published systems and their weights.

Names are resolved on first use, so that ``gmic_core.models.registry`` (what there is, which images it takes) can be
imported in a process that must not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmic_core.models.gmic_blocks import crop_patch, retrieve_rois, select_rois, top_t_mean
    from gmic_core.models.gmic_network import GlobalPass, GmicNetwork, GmicOutput, LocalPass
    from gmic_core.models.registry import InputSpec, ModelSpec, available_models, create_model, get_spec
    from gmic_core.models.weight_fit import load_reference_state
    from gmic_core.models.weights import LoadedWeights, load_model, resolve_weights

__all__ = [
    "GlobalPass",
    "GmicNetwork",
    "GmicOutput",
    "InputSpec",
    "LoadedWeights",
    "LocalPass",
    "ModelSpec",
    "available_models",
    "create_model",
    "crop_patch",
    "get_spec",
    "load_model",
    "load_reference_state",
    "resolve_weights",
    "retrieve_rois",
    "select_rois",
    "top_t_mean",
]

_HOMES = {
    "gmic_blocks": ("crop_patch", "retrieve_rois", "select_rois", "top_t_mean"),
    "gmic_network": ("GlobalPass", "GmicNetwork", "GmicOutput", "LocalPass"),
    "registry": ("InputSpec", "ModelSpec", "available_models", "create_model", "get_spec"),
    "weight_fit": ("load_reference_state",),
    "weights": ("LoadedWeights", "load_model", "resolve_weights"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    try:
        module = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
