"""Captured people: multi-view recordings with a tracked head model, as VHAP-format folders or tar shards, in the
trainer's sample format.

`frames` one picture with its camera and pose · `vhap` folders · `shards` tars · `capture` samples made of frames."""
