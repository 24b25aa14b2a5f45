"""Tests of what keeps the tables of sessions as they should be."""
