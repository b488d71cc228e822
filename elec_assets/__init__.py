"""elec_assets."""
