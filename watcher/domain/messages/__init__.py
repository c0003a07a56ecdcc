"""Messages: what people are told, before any channel has made it its own; and its deliveries."""
