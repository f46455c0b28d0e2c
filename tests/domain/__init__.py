"""What the business decides, told as stories: given, when, then."""
