"""Tests of timApp."""
