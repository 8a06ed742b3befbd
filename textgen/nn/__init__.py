"""Any network: its parameters, layers and heads, computed over windows or step by step."""
