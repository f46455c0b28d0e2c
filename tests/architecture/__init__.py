"""Rules about the code that no type checker or linter can see."""
