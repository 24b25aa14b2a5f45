"""Tests of signed requests between servers."""
