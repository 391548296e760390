"""Transformers for scikit-learn pipelines: coordinates in, features of cells out."""
