"""A small network of ours that tells hair, face skin, body skin, clothes and background apart and gives alpha at the
level of hair."""
