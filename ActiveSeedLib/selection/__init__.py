"""Vectors → which cases to label, and why: one file a method; arrays in, picks out."""
