"""Kind `evm`: hints of a node of any EVM chain, over its WebSocket (JSON-RPC)."""
