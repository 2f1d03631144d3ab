"""The table of networks: what each one is, takes and expects. Imports no torch: the viewer reads it at start-up.

A system is added with one :class:`ModelSpec` in :mod:`gmic_core.models.specs` and one file with the network; the
contract tests run over every entry by themselves.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gmic_core.errors import ModelError
from gmic_core.types import Modality

if TYPE_CHECKING:
    from gmic_core.models.gmic_network import GmicNetwork
    from gmic_core.models.specs import GmicHyper


@dataclass(frozen=True)
class InputSpec:
    """What a network expects of images of one modality.

    Attributes
    ----------
    rows, columns : size of the network's input in pixels.
    spacing_mm : pixel spacing of the training images, detector plane.
    spacing_tolerance : relative deviation that is taken as it is; beyond it an image is resampled to ``spacing_mm``.
    """

    modality: Modality
    rows: int
    columns: int
    spacing_mm: float
    spacing_tolerance: float

    @property
    def spacing_range_mm(self) -> tuple[float, float]:
        """Smallest and largest pixel spacing that need no resampling."""
        return self.spacing_mm * (1 - self.spacing_tolerance), self.spacing_mm * (1 + self.spacing_tolerance)

    def takes_spacing(self, spacing_mm: float) -> bool:
        """Whether images of this spacing are used without resampling."""
        low, high = self.spacing_range_mm
        return low <= spacing_mm <= high


@dataclass(frozen=True)
class ModelSpec:
    """One system as published.

    Attributes
    ----------
    factory : ``module:class`` of the network; imported on first use, because it imports torch.
    accepts : modalities that the network was made for.
    tolerates : modalities that it takes with ``tolerance_note`` shown in amber.
    defaults : hyperparameters used when nothing else is known.
    released : settings of the published weight files, by number.
    variants : overrides of ``defaults`` that change the parameters; weight files are matched against each.
    parameters : number of trainable parameters with the defaults.
    mask_threshold : pixels above it belong to the breast (3D: of the maximum projection).
    steps : preprocessing functions in order.
    """

    name: str
    title: str
    paper: str
    weights_licence: str
    training_data: str
    factory: str
    is_3d: bool
    accepts: tuple[Modality, ...]
    inputs: tuple[InputSpec, ...]
    defaults: GmicHyper
    released: tuple[tuple[int, GmicHyper], ...]
    parameters: int
    mask_threshold: int
    steps: tuple[str, ...] = ("crop_breast", "optimal_centre", "augmentation_window", "standardise")
    patch_size: tuple[int, int] = (256, 256)
    tolerates: tuple[Modality, ...] = ()
    tolerance_note: str = ""
    variants: tuple[tuple[tuple[str, object], ...], ...] = ((),)

    def input_for(self, modality: Modality) -> InputSpec:
        """Return what is expected of images of ``modality``.

        Raises
        ------
        ModelError
            If the network does not take this modality.
        """
        for entry in self.inputs:
            if entry.modality is modality:
                return entry
        takes = ", ".join(entry.modality for entry in self.inputs)
        raise ModelError(f"{self.name} does not take {modality} images; it takes {takes}.")

    def hyper(self, **values: object) -> GmicHyper:
        """Return the defaults with ``values`` put in.

        Raises
        ------
        ModelError
            If a name is unknown or a value is out of range; the message lists the valid names.
        """
        valid = [field.name for field in dataclasses.fields(self.defaults)]
        unknown = sorted(set(values) - set(valid))
        if unknown:
            raise ModelError(f"{self.name} has no hyperparameter {', '.join(unknown)}; it has {', '.join(valid)}.")
        return dataclasses.replace(self.defaults, **cast(dict[str, Any], values))

    def released_hyper(self, number: int) -> GmicHyper | None:
        """Return the settings published with weight file ``number`` (1-based), or None."""
        return dict(self.released).get(number)


_SPECS: dict[str, ModelSpec] = {}


def register(spec: ModelSpec) -> ModelSpec:
    """Add a system to the table.

    Raises
    ------
    ModelError
        If the name is taken.
    """
    if spec.name in _SPECS:
        raise ModelError(f"The network {spec.name} is registered twice; rename one of the two specs.")
    _SPECS[spec.name] = spec
    return spec


def _table() -> dict[str, ModelSpec]:
    importlib.import_module("gmic_core.models.specs")  # registers on import
    return _SPECS


def available_models() -> tuple[str, ...]:
    """Return the names of all networks, in the order of registration."""
    return tuple(_table())


def get_spec(name: str) -> ModelSpec:
    """Return the spec of one network.

    Raises
    ------
    ModelError
        If there is no such network; the message lists those that exist.
    """
    try:
        return _table()[name]
    except KeyError:
        raise ModelError(f"There is no network '{name}'; there are {', '.join(available_models())}.") from None


def create_model(name: str, **hyper: object) -> GmicNetwork:
    """Build a network with torch's default initialisation, in eval mode.

    Parameters
    ----------
    name : one of :func:`available_models`.
    hyper : hyperparameters of that network; those left out have the spec's defaults.

    Raises
    ------
    ModelError
        If the name or a hyperparameter is unknown or out of range.
    """
    spec = get_spec(name)
    values = spec.hyper(**hyper)
    module, _, attribute = spec.factory.partition(":")
    build = cast("Callable[[ModelSpec, GmicHyper], GmicNetwork]", getattr(importlib.import_module(module), attribute))
    return build(spec, values).eval()
