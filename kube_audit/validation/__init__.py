"""Objects against the Kubernetes schemas and the history of API versions."""
