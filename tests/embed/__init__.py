"""Tests of timApp inside of other applications."""
