"""The fake house. It has a module of its own, as every conftest.py of the tree is imported under the same name."""

from recipes_house import vocabulary

__all__ = ["vocabulary"]
