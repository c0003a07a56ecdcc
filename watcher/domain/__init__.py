"""What is true: pure rules, no I/O, no clock, no logging, no asyncio."""
