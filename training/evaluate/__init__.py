"""Held-out quality of a model."""
