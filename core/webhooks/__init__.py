"""How news gets out: deliveries, retries, signatures."""
