"""What takes the place of things that a test cannot have: public images where nothing can be pulled, a user's terminal."""
