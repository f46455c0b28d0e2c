"""What the tests share: servers, builders, vocabularies."""
