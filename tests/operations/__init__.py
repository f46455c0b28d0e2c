"""Operations: what they report, and what they leave behind."""
