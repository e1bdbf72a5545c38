"""`python -m kube_audit` is the command `kube-audit`."""

from kube_audit.cli import main

if __name__ == "__main__":
    main()
