"""The mesh character of the mixed scene: a dressed, rigged body from the same CC0 data as the open head."""
