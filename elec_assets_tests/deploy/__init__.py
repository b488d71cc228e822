"""What `deploy/` holds: instance, image, compose file, backup, template."""
