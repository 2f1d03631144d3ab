"""Networks of five papers, with their preprocessing and inference; imports no GUI toolkit."""

__version__ = "0.1.0"
