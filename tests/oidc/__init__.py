"""Tests of logging in by an OpenID provider."""
