"""The 2D networks that the 3D-GMIC paper compares with, for digital mammograms and synthetic 2D images.

J. Park et al., An efficient deep neural network to find small objects in large 3D images, arXiv:2210.08645 (2022),
Tables II-V. They differ from GMIC of Shen 2021: GroupNorm, relu(tanh) on the class map, no fusion layer, the mean of
the global and the local prediction. No weights were released.
"""

from __future__ import annotations

from gmic_core.models.gmic_network import GmicImageNetwork


class Gmic2DPark(GmicImageNetwork):
    """The 3D network's parts on images: the base class as it is."""
