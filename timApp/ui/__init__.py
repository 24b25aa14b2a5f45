"""What every page has in common: templates, static files, error pages and security headers."""
