"""The measured paths. Each module has `run(job)`: it does the work of its name and returns its figures."""
