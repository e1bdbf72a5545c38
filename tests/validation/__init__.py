"""Tests of the schema validation and of what is known about API versions."""
