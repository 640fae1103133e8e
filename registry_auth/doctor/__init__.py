"""The doctor: looks at an installation as a client would, and says what is wrong and what to change."""
