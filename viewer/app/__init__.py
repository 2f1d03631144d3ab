"""Composition root: the only package that knows everything."""

from viewer.app.application import Application

__all__ = ["Application"]
