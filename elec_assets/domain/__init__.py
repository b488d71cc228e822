"""What the words mean; pure."""
