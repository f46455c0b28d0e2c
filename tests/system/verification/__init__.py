"""Tests of `system.verification`."""
