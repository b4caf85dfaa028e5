"""scikit-learn's face: a search as a classifier with `fit` and `predict`."""

from archwright.sklearn._search_classifier import SearchClassifier

__all__ = ["SearchClassifier"]
