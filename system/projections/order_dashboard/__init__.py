"""The order dashboard: every order with where it stands; listed, filtered, sorted, paged."""
