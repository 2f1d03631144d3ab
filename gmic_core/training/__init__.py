"""Training of the GMIC networks with the papers' procedure: experiments, stages, data, checkpoints, weights.

``experiment`` and ``samples`` import no torch; everything else does. The data side is
:mod:`gmic_core.training.data`.
"""
