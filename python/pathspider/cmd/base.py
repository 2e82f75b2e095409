"""As pathspider.cmd."""
from pathspider.cmd import handle_args, handle_args_wrapper  # noqa: F401

if __name__ == "__main__":
    handle_args_wrapper()
