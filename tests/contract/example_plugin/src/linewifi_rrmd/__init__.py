"""A driver for rrmd: access points that speak LineWifi."""
