"""Checks that CEL cannot say."""
