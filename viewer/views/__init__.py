"""Widgets only: they listen to model events and paint."""
