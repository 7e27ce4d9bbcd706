"""Synthetic heads with dense ground truth in UV: random people, light, hair, expressions and cameras on the open head
model."""
