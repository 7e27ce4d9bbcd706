"""Losses: each term is one function, its weight is in the config, each term is logged by name."""
