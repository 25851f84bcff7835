"""Widgets: each one Python class that packs tensors, and one ES module that draws them."""
