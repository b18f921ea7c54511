"""docs/real-hosts.md, typed: bare Debian servers that Vagrant did not make, and an operator at a terminal."""
