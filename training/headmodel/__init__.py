"""The open head: a CC0 head model built from MakeHuman data, its file format, its texel table."""
