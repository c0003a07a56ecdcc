"""Values: amounts, money, times, durations, chains, addresses and text, each read and shown in one place."""
