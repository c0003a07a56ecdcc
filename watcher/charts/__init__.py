"""Charts: what was held over time, drawn as SVG and PNG and told in words."""
