from .callback import Callback

__all__ = ["Callback"]
