"""What a person does about what does not go on by itself."""
