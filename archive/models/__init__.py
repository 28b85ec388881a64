from .dossier import Dossier

__all__ = ["Dossier"]
