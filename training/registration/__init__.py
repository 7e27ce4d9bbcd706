"""Registers foreign heads (VALID people, ICT identity modes) to the open head, once; training input only, kept in
training/cache."""
