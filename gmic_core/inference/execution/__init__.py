"""Ways to run the layers of a GMIC network: the modules themselves, oneDNN on a CPU, half precision on a CUDA device.

All compute the same network. :mod:`~gmic_core.inference.execution.choose` picks one for a device and a mode; what each
must answer is in :class:`~gmic_core.inference.execution.executor.Executor`.
"""
