"""Markdown documents: their model, import, HTML and pages."""
