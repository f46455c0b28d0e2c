"""`make mutants`: whether the tests notice when the code is changed. See docs/mutants.md."""
