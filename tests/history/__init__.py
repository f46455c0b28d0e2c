"""Every event ever written stays readable: frozen payloads of every class and version."""
