"""Training-speed estimators: an architecture judged by the training losses of its first epochs."""

from archwright.estimate.curves._fine_tuned import FineTuned
from archwright.estimate.curves._speed import SpeedKind, read, sotl, sotl_e, speed, tse, tse_e, tse_ema, tse_ema_release
from archwright.estimate.curves._training_speed import TrainingSpeed, training_speed

__all__ = [
    "FineTuned",
    "SpeedKind",
    "TrainingSpeed",
    "read",
    "sotl",
    "sotl_e",
    "speed",
    "training_speed",
    "tse",
    "tse_e",
    "tse_ema",
    "tse_ema_release",
]
