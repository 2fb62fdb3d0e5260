"""Resumable, verified bulk retrieval of imaging studies from a hospital's PACS."""
