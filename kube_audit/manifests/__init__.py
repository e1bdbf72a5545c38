"""Text to documents to objects, as Kubernetes reads them, with positions."""
