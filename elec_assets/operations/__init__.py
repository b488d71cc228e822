"""What the commands of `elec` do."""
