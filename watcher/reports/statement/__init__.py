"""Statement of a period: what was held at both ends and what came between, with sums that add up exactly."""
