"""Fixtures of this folder."""

from cluster import ray_cluster

__all__ = ["ray_cluster"]
