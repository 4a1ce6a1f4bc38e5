"""The agent beside a fake of Nacos' protocol, which fails in ways that a real server does not on demand."""
