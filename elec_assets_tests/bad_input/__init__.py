"""What comes in wrong, what the user then sees, and what is kept: one table of cases, a test, and a page of docs."""
