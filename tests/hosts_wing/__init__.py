"""Tests of what servers tell and ask each other, and of the pages and commands for it."""
