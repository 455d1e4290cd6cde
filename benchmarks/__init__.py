"""Accuracy and speed of the joint fit, measured on simulated fields."""
