"""The sets of actions that rights come in."""

from registry_auth.values import Action

NOTHING: frozenset[Action] = frozenset()
PULL = frozenset({Action.PULL})
PULL_AND_PUSH = frozenset({Action.PULL, Action.PUSH})
EVERYTHING = frozenset(Action)
