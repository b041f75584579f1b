"""Words on the wire: JSON and JSON-LD of strangers, contexts, URIs, addressing, safe HTML."""
