"""Search by a learnt policy: an autoregressive controller, trained by policy gradient."""

from archwright.search.policy._controller import Controller
from archwright.search.policy._policy_gradient import PolicyGradient
from archwright.search.policy._ppo import PPO, clipped
from archwright.search.policy._reinforce import Reinforce
from archwright.search.policy._reward import Reward

__all__ = ["PPO", "Controller", "PolicyGradient", "Reinforce", "Reward", "clipped"]
