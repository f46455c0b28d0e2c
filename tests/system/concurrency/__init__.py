"""Threads that wait for each other, take turns and show that they are alive."""
